#!/usr/bin/env python3
"""UCI optdigits の手書き数字 1,797 枚を、optdigits/images.png と optdigits/labels.txt に詰めなおす。

    pip install zopfli==0.4.3
    python3 build_optdigits.py          # scikit-learn の wheel を取り、中の CSV から作りなおす
    python3 build_optdigits.py --check  # 作りなおした結果が、置いてあるファイルと 1 バイトも違わないことを確かめる

PNG を自前で書き、圧縮器の版も決めておくのは、どの計算機で作りなおしても同じバイト列にするため。
"""

import gzip
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

import zopfli.zlib

PACKAGE = "scikit-learn==1.9.1"
MEMBER = "sklearn/datasets/data/digits.csv.gz"
# 版とともに中身の要約値も控え、配布元が変わっても気づけるようにする。
CSV_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"

COUNT, SIDE, COLUMNS = 1797, 8, 40
SCALE = 15  # 画素値は 0〜16 の整数。15 倍した 0〜240 の灰色なら、そのまま目で見ても読める。

OUT = pathlib.Path(__file__).resolve().parent / "optdigits"


def download() -> bytes:
    """wheel を取り、中の CSV だけを返す。CSV は OS にも Python の版にもよらない。"""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", folder, PACKAGE], check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return gzip.decompress(archive.read(MEMBER))


def sheet(tiles: list[list[int]]) -> list[bytes]:
    """8x8 の画像を、左から右、上から下へ 40 列に並べた 1 枚の灰色画像にする。余りは 0 (地の色)。"""
    rows = -(-len(tiles) // COLUMNS)
    lines = [bytearray(COLUMNS * SIDE) for _ in range(rows * SIDE)]
    for index, tile in enumerate(tiles):
        row, column = divmod(index, COLUMNS)
        for y in range(SIDE):
            pixels = bytes(SCALE * v for v in tile[y * SIDE : (y + 1) * SIDE])
            lines[row * SIDE + y][column * SIDE : (column + 1) * SIDE] = pixels
    return [bytes(line) for line in lines]


def png(lines: list[bytes]) -> bytes:
    """8 ビット灰色、フィルタなしの PNG。"""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    body = zopfli.zlib.compress(b"".join(b"\0" + line for line in lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def main() -> None:
    csv = download()
    digest = hashlib.sha256(csv).hexdigest()
    if digest != CSV_SHA256:
        sys.exit(f"{MEMBER} の SHA-256 が {digest} で、控えと違います。{PACKAGE} の wheel かどうか確かめてください。")
    table = [[int(float(v)) for v in line.split(",")] for line in csv.decode("ascii").split()]
    assert len(table) == COUNT and all(len(row) == SIDE * SIDE + 1 for row in table)
    assert all(0 <= v <= 16 for row in table for v in row[:-1])
    files = {
        "images.png": png(sheet([row[:-1] for row in table])),
        "labels.txt": ("".join(str(row[-1]) for row in table) + "\n").encode("ascii"),
    }
    if "--check" in sys.argv[1:]:
        stale = [name for name, body in files.items() if (OUT / name).read_bytes() != body]
        if stale:
            sys.exit(f"{', '.join(stale)} が作りなおした結果と違います。python3 build_optdigits.py で作りなおしてください。")
        print("置いてあるファイルは、作りなおした結果と同じです。")
        return
    OUT.mkdir(exist_ok=True)
    for name, body in files.items():
        (OUT / name).write_bytes(body)
        print(f"{name}: {len(body)} バイト")


if __name__ == "__main__":
    main()
