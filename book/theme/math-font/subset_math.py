#!/usr/bin/env python3
"""数式の字体を、本で使う字だけに絞る。要るもの: pip install fonttools brotli

    python3 book/theme/math-font/subset_math.py latinmodern-math.otf

latinmodern-math.otf は GUST の Latin Modern Math 1.959。数式の組み方の表 (MATH) と、添字用の字形 (ssty) は残す。
残した字の一覧を math.txt に書く。本の数式に一覧に無い字があれば、tests/book/math.rs が知らせる。
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
RANGES = [
    (0x20, 0x7E),  # ASCII
    (0x391, 0x3C9),  # ギリシャ文字
    (0x1D434, 0x1D467),  # 斜体のラテン文字
    (0x1D6E2, 0x1D71B),  # 斜体のギリシャ文字
]
SINGLES = (
    "\u00a0¬¯±·×÷ˆ˜ϕϵ–‖…′″ℎℒℓℝ𝒟𝒩𝔼ℙ←→⇒∂∅∇∈∉∏∑−∗∘√∝∞∣∥∩∪∫∼≃≈≒≠≡≤≥≪≫⊂⊙⊤⊥⋅⋯⋮⌊⌋⏟⟨⟩"
    "\u0302\u0303\u0304\ufe00"
)

font = TTFont(sys.argv[1])
wanted = {code for first, last in RANGES for code in range(first, last + 1)} | {ord(c) for c in SINGLES}
options = subset.Options(layout_features=["ssty"], hinting=False, flavor="woff2", notdef_outline=True)
subsetter = subset.Subsetter(options)
subsetter.populate(unicodes=wanted)
subsetter.subset(font)
# GUST の許諾は、手を加えた字体の名前を変えるように頼んでいる。
for record in font["name"].names:
    if record.nameID in (1, 3, 4, 6, 16):
        record.string = "workbook-math"
font.flavor = "woff2"
font.save(HERE.parent / "fonts/workbook-math.woff2")
kept = sorted(set(font.getBestCmap()))
(HERE / "math.txt").write_text("".join(chr(code) for code in kept if code > 0x20) + "\n", encoding="utf-8")
print(len(kept), "字", (HERE.parent / "fonts/workbook-math.woff2").stat().st_size, "バイト")
