#!/usr/bin/env python3
"""本に埋め込むフォントを、公開されているパッケージから作りなおす。

    pip install fonttools==4.68.0 brotli==1.2.1
    python3 build_fonts.py plot     # 図の文字だけ (新しい字を図に使ったとき)
    python3 build_fonts.py          # 全部
    python3 build_fonts.py --check  # 作りなおした結果が、置いてあるファイルと 1 バイトも違わないことを確かめる

npm が要る。取ったパッケージは target/font-packages に残るので、2 度目からは速い。
必要な字だけを残し、ヒント・合字・縦書きの表は落とす。どのフォントも "Workbook …" と改名する:
SIL Open Font License は、改変したフォントが予約名 (Reserved Font Name) を名のることを許さない。
"""

import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile

from fontTools import subset
from fontTools.ttLib import TTFont

DATA = pathlib.Path(__file__).resolve().parent
ROOT = DATA.parents[2]
FONTS = DATA / "fonts"
CACHE = ROOT / "target" / "font-packages"

SANS = "@expo-google-fonts/noto-sans-jp@0.4.3"
SERIF = "@expo-google-fonts/noto-serif-jp@0.4.3"
KANJI_LIST = "kanji-lists==0.2.0"

LICENSE = "This Font Software is licensed under the SIL Open Font License, Version 1.1."

HIRAGANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"


def fontsource(name: str, version: str, weight: int = 400) -> tuple[str, str]:
    return f"@fontsource/{name}@{version}", f"files/{name}-japanese-{weight}-normal.woff2"


# 出力の名前 -> (パッケージ, その中のファイル)。
PLOT = {"plot": (SANS, "400Regular/NotoSansJP_400Regular.ttf")}
KANJI = {
    "kanji-gothic": (SANS, "700Bold/NotoSansJP_700Bold.ttf"),
    "kanji-mincho": (SERIF, "700Bold/NotoSerifJP_700Bold.ttf"),
}
KANA = {
    "gothic": fontsource("biz-udgothic", "5.3.0"),
    "gothic-light": fontsource("ibm-plex-sans-jp", "5.3.0", 300),
    "gothic-bold": fontsource("line-seed-jp", "5.3.1", 700),
    "gothic-black": fontsource("m-plus-1p", "5.3.0", 900),
    "gothic-old": fontsource("sawarabi-gothic", "5.3.1"),
    "gothic-dot": fontsource("dotgothic16", "5.3.0"),
    "gothic-poster": fontsource("dela-gothic-one", "5.3.0"),
    "gothic-stick": fontsource("stick", "5.3.0"),
    "round": fontsource("zen-maru-gothic", "5.3.0"),
    "round-bold": fontsource("m-plus-rounded-1c", "5.3.0", 700),
    "round-mincho": fontsource("kiwi-maru", "5.3.0"),
    "round-pop": fontsource("mochiy-pop-one", "5.3.0"),
    "mincho": fontsource("shippori-mincho", "5.3.0", 500),
    "mincho-bold": fontsource("zen-old-mincho", "5.3.0", 700),
    "mincho-soft": fontsource("hina-mincho", "5.2.8"),
    "mincho-kaisei": fontsource("kaisei-opti", "5.2.8"),
    "brush": fontsource("yuji-syuku", "5.3.0"),
    "brush-reggae": fontsource("reggae-one", "5.3.0"),
    "brush-rock": fontsource("rocknroll-one", "5.3.0"),
    "hand": fontsource("klee-one", "5.3.0"),
    "hand-yomogi": fontsource("yomogi", "5.3.0"),
    "hand-thin": fontsource("zen-kurenaido", "5.3.0"),
    "hand-marker": fontsource("yusei-magic", "5.3.0"),
    "hand-pop": fontsource("hachi-maru-pop", "5.3.0"),
}

# 端末に絵や進み具合を描くための字は、図には現れない。
TERMINAL_ONLY = [range(0x2500, 0x25A0), range(0x2800, 0x2900)]

# Rust の注釈 (読み飛ばす)、生文字列、文字列、文字。
RUST = re.compile(
    r"""//[^\n]*|/\*.*?\*/|r(?P<hashes>\#*)"(?P<raw>.*?)"(?P=hashes)|"(?P<text>(?:\\.|[^"\\])*)"|'(?P<char>\\u\{\w+\}|\\.|[^'\\\n])'""",
    re.S | re.X,
)


def literals(rust: str) -> str:
    """Rust のソースにある文字列と文字の中身。"""
    found = (m["raw"] or m["text"] or m["char"] or "" for m in RUST.finditer(rust))
    return re.sub(r"\\u\{(\w+)\}", lambda m: chr(int(m[1], 16)), "".join(found))


def plot_characters() -> dict[str, str]:
    """図に要る字と、その字が現れるファイル。"""
    where: dict[str, str] = {}
    table = FONTS / "plot-characters.txt"
    lines = table.read_text(encoding="utf-8").splitlines()
    texts = [(table, "".join(line for line in lines if not line.startswith("# ")))]
    texts += [(p, literals(p.read_text(encoding="utf-8"))) for p in sorted(ROOT.glob("chapters/*/src/**/*.rs"))]
    texts += [(p, p.read_text(encoding="utf-8")) for p in sorted((ROOT / "book/src").glob("**/*.svg"))]
    for path, text in texts:
        for c in text:
            if c.isprintable() and not any(ord(c) in block for block in TERMINAL_ONLY):
                where.setdefault(c, str(path.relative_to(ROOT)))
    return where


def kyoiku_kanji() -> list[str]:
    """学年別漢字配当表 (令和 2 年度から) の漢字を、学年ごとに。"""
    CACHE.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(CACHE), KANJI_LIST]
    subprocess.run(pip, check=True)
    sys.path.insert(0, str(next(CACHE.glob("kanji_lists-*.whl"))))  # wheel は zip なので、そのまま読み込める。
    from kanji_lists import KYOIKU

    grades = ["".join(sorted(getattr(KYOIKU.REIWA2, f"GRADE{n}"))) for n in range(1, 7)]
    assert [len(grade) for grade in grades] == [80, 160, 200, 202, 193, 191] and len(set("".join(grades))) == 1026
    return grades


def package_file(package: str, member: str) -> bytes:
    """npm のパッケージを取り、中のファイルを 1 つ返す。"""
    CACHE.mkdir(parents=True, exist_ok=True)
    name, version = package.removeprefix("@").rsplit("@", 1)
    archive = CACHE / f"{name.replace('/', '-')}-{version}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", str(CACHE), package], check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(archive) as tar:
        return tar.extractfile(f"package/{member}").read()


def subset_font(name: str, source: tuple[str, str], characters: dict[str, str]) -> TTFont:
    """必要な字だけを残し、改名したフォント。`characters` の値は、字が足りないときに示す出どころ。"""
    options = subset.Options(
        hinting=False,
        layout_features=[],
        glyph_names=False,
        notdef_outline=True,
        name_IDs=[0, 5, 13, 14],  # 著作権表示・版・許諾は残す。
        drop_tables=["BASE", "DSIG", "GDEF", "GPOS", "GSUB", "STAT", "VORG", "gasp", "prep", "vhea", "vmtx"],
    )
    font = subset.load_font(io.BytesIO(package_file(*source)), options)
    missing = [c for c in characters if ord(c) not in font.getBestCmap()]
    if missing:
        listed = "、".join(f"「{c}」U+{ord(c):04X} ({characters[c]})" for c in missing)
        sys.exit(f"{source[1]} に次の字がありません。別の字に言いかえてください: {listed}")
    worker = subset.Subsetter(options)
    worker.populate(unicodes=map(ord, characters))
    worker.subset(font)
    family = "Workbook " + " ".join(part.capitalize() for part in name.split("-"))
    names = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", ""), 13: LICENSE, 14: "https://openfontlicense.org"}
    for identifier, text in names.items():
        font["name"].setName(text, identifier, 3, 1, 0x409)
    font.flavor = None
    return font


def saved(font: TTFont, flavor: str | None = None) -> bytes:
    font.flavor = flavor
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def license_text(fonts: dict[str, TTFont]) -> str:
    """著作権表示を並べた OFL の全文。本文はどのパッケージでも同じなので 1 つにまとめる。"""
    body = package_file(SANS, "LICENSE_FONT").decode("utf-8").replace("\r\n", "\n")
    body = body[body.index("This Font Software is licensed") :]
    holders = dict.fromkeys(font["name"].getDebugName(0) for font in fonts.values())
    return "\n".join(holders) + "\n\n" + body.rstrip() + "\n"


def provenance(fonts: dict[str, TTFont], sources: dict[str, tuple[str, str]], files: dict[pathlib.Path, bytes]) -> str:
    """README.md の表。"""
    rows = ["| ファイル | 元のパッケージ | その中のファイル | 版 | 著作権表示 | バイト |", "| --- | --- | --- | --- | --- | --: |"]
    for name, font in fonts.items():
        package, member = sources[name]
        version = re.match(r"(Version )?([\w.-]+)", font["name"].getDebugName(5))[2]
        # 図の文字は原稿とともに増えるので、数を書くと「plot」だけの作りなおしで表が古くなる。
        size = "(図に合わせて増える)" if name == "plot" else f"{len(files[FONTS / f'{name}.ttf']):,}"
        rows.append(f"| {name}.ttf | `{package}` | `{member}` | {version} | {font['name'].getDebugName(0)} | {size} |")
    return "\n".join(rows)


def build(only_plot: bool) -> dict[pathlib.Path, bytes]:
    plot = subset_font("plot", PLOT["plot"], plot_characters())
    files = {
        FONTS / "plot.ttf": saved(plot),
        ROOT / "book/theme/fonts/plot.woff2": saved(plot, "woff2"),
        ROOT / "book/theme/fonts/plot.OFL.txt": license_text({"plot": plot}).encode("utf-8"),
    }
    fonts = {"plot": plot}
    if only_plot:
        return files
    grades = kyoiku_kanji()
    lines = ["# 教育漢字 1,026 字 (小学校学習指導要領の学年別漢字配当表、令和 2 年度から)。出典は README.md。"]
    for year, grade in enumerate(grades, 1):
        lines += [f"# 第 {year} 学年 {len(grade)} 字", grade]
    files[FONTS / "kyoiku-kanji.txt"] = ("\n".join(lines) + "\n").encode("utf-8")
    for table, characters in [(KANJI, "".join(grades)), (KANA, HIRAGANA)]:
        for name, source in table.items():
            fonts[name] = subset_font(name, source, dict.fromkeys(characters, name))
            files[FONTS / f"{name}.ttf"] = saved(fonts[name])
    files[FONTS / "OFL.txt"] = license_text(fonts).encode("utf-8")
    readme = (FONTS / "README.md").read_text(encoding="utf-8")
    table = provenance(fonts, PLOT | KANJI | KANA, files)
    marked = re.sub(r"<!-- 表 -->.*<!-- 表終わり -->", lambda _: f"<!-- 表 -->\n{table}\n<!-- 表終わり -->", readme, flags=re.S)
    files[FONTS / "README.md"] = marked.encode("utf-8")
    return files


def main() -> None:
    arguments = set(sys.argv[1:])
    if not arguments <= {"plot", "--check"}:
        sys.exit(__doc__)
    files = build("plot" in arguments)
    if "--check" in arguments:
        stale = [str(path.relative_to(ROOT)) for path, body in files.items() if not path.exists() or path.read_bytes() != body]
        if stale:
            sys.exit(f"{'、'.join(stale)} が作りなおした結果と違います。--check を付けずに作りなおしてください。")
        print("置いてあるファイルは、作りなおした結果と同じです。")
        return
    for path, body in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        print(f"{os.path.relpath(path, ROOT)}: {len(body)} バイト")


if __name__ == "__main__":
    main()
