//! 日本語の検索を確かめる。

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::reader::{Reader, address_of};
use crate::support::{TinyBook, real_book, root};

/// 検索の箱を開き、索引が読めるまで待つ。
fn open(reader: &Reader, book: &Path) {
    reader.visit(&address_of(&book.join("index.html")));
    reader.js("document.getElementById('mdbook-search-toggle').click()");
    reader.wait("window.search.index && !document.getElementById('mdbook-searchbar-outer').classList.contains('searching')");
}

/// 見つかったもの 1 つ: 題までの道筋、飛び先、前後の文。
struct Hit {
    trail: String,
    href: String,
    /// 飛び先から、印を付ける語を除いたもの。
    place: String,
    teaser: String,
}

/// 検索の箱に `query` を打ったときの、件数の行と、見つかったもの。
fn search(reader: &Reader, query: &str) -> (String, Vec<Hit>) {
    reader.js(&format!(
        "(() => {{
            const bar = document.getElementById('mdbook-searchbar');
            bar.value = {};
            bar.dispatchEvent(new Event('keyup'));
        }})()",
        json!(query)
    ));
    // 飛び先の印は、一覧ができた後に直される。次の評価までに終わっている。
    let result = reader.js("[
            document.getElementById('mdbook-searchresults-header').textContent,
            [...document.querySelectorAll('#mdbook-searchresults li')].map(item => [
                item.querySelector('a').textContent,
                item.querySelector('a').getAttribute('href'),
                item.querySelector('.teaser').textContent,
            ]),
        ]");
    let (header, hits): (String, Vec<[String; 3]>) = serde_json::from_value(result).unwrap();
    let hits = hits.into_iter().map(|[trail, href, teaser]| {
        let (page, rest) = href.split_once('?').unwrap();
        let place = format!("{page}#{}", rest.split_once('#').unwrap().1);
        Hit { trail, href, place, teaser }
    });
    (header, hits.collect())
}

#[test]
fn japanese_is_found_in_any_kind_of_kana_and_width() {
    let Some(reader) = Reader::new() else { return };
    let book = TinyBook::new(
        "# 題\n\n## 一つ目\n\nこの節は**モード**崩壊の話です。\n\n## 二つ目\n\nWGAN の話です。\n",
    );
    let config = fs::read_to_string(book.root().join("book.toml")).unwrap();
    book.write("book.toml", config + "additional-js = [\"search.js\"]\n");
    let script = fs::read(root().join("book/theme/search.js")).unwrap();
    book.write("search.js", script);
    let dest = book.build().unwrap();
    open(&reader, &dest);

    // 文の途中の語、強調をまたぐ語、かなの違い、全角と小文字。
    for (query, found) in [
        ("崩壊", "一つ目"),
        ("モード崩壊", "一つ目"),
        ("もーど崩壊の話", "一つ目"),
        ("ｗｇａｎ", "二つ目"),
        ("この 崩壊", "一つ目"),
    ] {
        let (header, hits) = search(&reader, query);
        assert_eq!(hits.len(), 1, "{query}: {header}");
        assert!(hits[0].trail.contains(found), "{query}: {}", hits[0].trail);
        assert!(header.contains("1 か所にあります"), "{header}");
    }
    let (header, hits) = search(&reader, "拡散");
    assert!(hits.is_empty() && header.contains("見つかりませんでした"), "{header}");
}

/// 見つかるはずの語と、先頭から数えて何番目までに来るべきか、その飛び先の一部。
const FOUND: &[(&str, usize, &str)] = &[
    // 題にある語は、先頭に近い。
    ("モード崩壊", 3, "ch03-gan/concept.html"),
    ("潜在空間の補間", 1, "#term-latent-interpolation"),
    ("再パラメータ化", 3, "ch02-vae/theory.html"),
    ("事後崩壊", 3, "ch02-vae/"),
    ("価値関数", 3, "ch03-gan/theory.html"),
    ("拡散モデル", 3, "ch07-diffusion/"),
    ("逆過程", 3, "ch07-diffusion/concept.html"),
    ("ベイズの定理", 3, "ch01-generative-models/theory.html"),
    ("ディープフェイク", 3, "ch01-generative-models/risks.html"),
    ("シラバス対応表", 1, "appendix/syllabus.html"),
    ("用語集", 1, "appendix/glossary.html"),
    ("正誤表", 1, "appendix/errata.html"),
    ("問われる65点", 1, "appendix/points.html"),
    // 英語から、日本語のページへ。
    ("generator", 1, "#term-generator"),
    ("discriminator", 1, "#term-discriminator"),
    ("latent variable", 1, "#term-latent-variable"),
    ("mode collapse", 1, "#term-mode-collapse"),
    ("mode collapse", 4, "ch03-gan/"),
    ("autoencoder", 1, "#term-autoencoder"),
    ("likelihood", 1, "#term-likelihood"),
    ("Bayes' theorem", 1, "#term-bayes-theorem"),
    ("reparameterization trick", 1, "#term-reparameterization"),
    ("reparameterization trick", 4, "ch02-vae/"),
    ("batch normalization", 1, "#term-batch-normalization"),
    ("transposed convolution", 1, "#term-transposed-convolution"),
    ("transposed convolution", 4, "appendix/computation.html"),
    ("skip connection", 1, "#term-skip-connection"),
    ("diffusion model", 1, "#term-diffusion-model"),
    ("hallucination", 1, "#term-hallucination"),
    ("zero-shot", 1, "#term-zero-shot"),
    ("visual question answering", 1, "#term-vqa"),
    ("foundation model", 1, "#term-foundation-model"),
    ("cycle consistency loss", 1, "#term-cycle-loss"),
    ("Dimensionality Reduction", 1, "#term-dimensionality-reduction"),
    ("deepfake", 1, "#term-deepfake"),
    // 読みと別名。
    ("せんざいへんすう", 1, "#term-latent-variable"),
    ("ゆうど", 1, "#term-likelihood"),
    ("てんちたたみこみ", 1, "#term-transposed-convolution"),
    ("ジェネレータ", 1, "#term-generator"),
    ("ジェネレーター", 1, "#term-generator"),
    ("ディスクリミネータ", 1, "#term-discriminator"),
    ("カルバック・ライブラー情報量", 1, "#term-kl-divergence"),
    ("cGAN", 1, "#term-conditional-gan"),
    ("PCA", 1, "#term-pca"),
    ("ガウス分布", 1, "#term-gaussian"),
    ("自己符号化器", 1, "#term-autoencoder"),
    ("30条の4", 1, "#term-article-30-4"),
    // ひらがなとカタカナ、全角と半角、大文字と小文字。
    ("おーとえんこーだ", 1, "#term-autoencoder"),
    ("もーど崩壊", 1, "#term-mode-collapse"),
    ("ﾓｰﾄﾞ崩壊", 1, "#term-mode-collapse"),
    ("ｵｰﾄｴﾝｺｰﾀﾞ", 1, "#term-autoencoder"),
    ("ＧＡＮ", 1, "#term-gan"),
    ("ｖａｅ", 1, "#term-vae"),
    ("dcgan", 1, "#term-dcgan"),
    ("ＫＬ情報量", 1, "#term-kl-divergence"),
    ("l1損失", 1, "#term-l1-loss"),
    ("ﾃﾞｨｰﾌﾟﾌｪｲｸ", 1, "#term-deepfake"),
    // 文の中の部分。強調、改行、数式や記号の隣も。
    ("だれも、自分の手だけを変えて", 1, "#term-nash-equilibrium"),
    ("観測されない変数", 5, "ch0"),
    ("訓練データと同じ分布に従っている", 1, "ch01-generative-models/concept.html"),
    ("にせ札", 3, "ch03-gan/concept.html"),
    ("崩壊 GAN 種類", 5, "term-mode-collapse"),
    ("損失は、下がり続けない", 1, "ch03-gan/run.html#ring-losses"),
    ("くじを外に出して", 1, "ch02-vae/theory.html#reparameterization"),
    ("はんこを押して", 1, "appendix/computation.html#transposed"),
    ("文化審議会", 1, "ch01-generative-models/risks.html#copyright"),
    ("1609.03499", 5, "ch01-generative-models/theory.html"),
    ("2021年版", 5, "appendix/syllabus.html"),
    ("info VAE", 1, "#term-info-vae"),
    // 送りがなの付いた動詞、教科書の書き方、ほかの本の訳語。
    ("見破る", 3, "ch03-gan/concept.html"),
    ("偽札", 3, "ch03-gan/concept.html"),
    ("判別器", 1, "#term-discriminator"),
    ("Wasserstein", 2, "#term-"),
    ("三次元", 1, "#term-"),
    ("3次元", 1, "#term-"),
    ("肖像権", 1, "#term-"),
    ("プロンプト", 1, "#term-"),
    ("ChatGPT", 1, "#term-"),
    ("音声合成", 1, "#term-"),
    ("Stable Diffusion", 1, "#term-stable-diffusion"),
    ("生成AI", 1, "#term-"),
    // 使われている所より先に説明、問題より先にページ。
    ("拡散", 1, "#term-diffusion-model"),
    ("平均と分散", 3, "ch02-vae/concept.html"),
    ("ミニマックス", 1, "#term-"),
    ("馬", 3, "concept.html"),
];

/// 本のどこにも無い語。
const MISSING: &[&str] = &[
    "量子力学",
    "ブロックチェーン",
    "ｷｬﾗﾒﾙ",
    "zebrafish",
    "モード崩壊 ブロックチェーン",
    "量子もつれ通信",
    "にしんそば",
];

#[test]
fn the_real_book_answers_more_than_sixty_queries() {
    let Some(reader) = Reader::new() else { return };
    open(&reader, real_book());
    assert!(FOUND.len() + MISSING.len() >= 60);
    let mut wrong = Vec::new();
    let mut slowest = Duration::ZERO;
    for (query, place, wanted) in FOUND {
        let start = Instant::now();
        let (_, hits) = search(&reader, query);
        slowest = slowest.max(start.elapsed());
        let rank = hits.iter().position(|hit| hit.place.contains(wanted));
        if rank.is_none_or(|rank| rank >= *place) {
            let first: Vec<&str> = hits.iter().take(4).map(|hit| hit.place.as_str()).collect();
            wrong.push(format!("「{query}」→ {wanted}: {rank:?} {first:?}"));
        }
    }
    for query in MISSING {
        let (header, hits) = search(&reader, query);
        if !hits.is_empty() || !header.contains("見つかりませんでした") {
            wrong.push(format!("「{query}」が見つかりました: {}", hits[0].teaser));
        }
    }
    println!("{} 語、いちばん遅い検索 {slowest:?}", FOUND.len() + MISSING.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(slowest < Duration::from_secs(2), "検索が遅すぎます: {slowest:?}");
}

/// かなや言い換えで見つけても、飛んだ先では本文の書き方に印が付く。
#[test]
fn the_place_is_marked_in_its_own_spelling() {
    let Some(reader) = Reader::new() else { return };
    for (query, wanted, spelling) in [
        ("もーど崩壊", "ch03-gan/concept.html", "モード崩壊"),
        ("transposed convolution", "appendix/computation.html", "転置畳み込み"),
        ("ＣＬＩＰ", "ch01-generative-models/concept.html", "CLIP"),
    ] {
        open(&reader, real_book());
        let (_, hits) = search(&reader, query);
        let hit = hits.iter().find(|hit| hit.place.contains(wanted)).expect(query);
        assert!(hit.teaser.contains(spelling), "{query}: {}", hit.teaser);
        reader.js(&format!("location.href = {:?}", hit.href));
        reader.wait("document.querySelector('main mark')");
        assert_eq!(reader.text("main mark"), spelling, "{query}");
    }
}

/// 検索の欄の、打っている途中とキーの操作。
#[test]
fn the_search_box_obeys_the_reader() {
    let Some(reader) = Reader::new() else { return };
    reader.open("ch03-gan/theory.html");
    reader.js("scrollTo({ top: 2500, behavior: 'instant' })");
    reader.press("/");
    reader.wait("window.search.index && !document.getElementById('mdbook-searchbar-outer').classList.contains('searching')");
    assert_eq!(reader.js("scrollY"), json!(2500), "検索を開くと、読んでいた所から動きます");
    assert!(reader.is("document.activeElement.id === 'mdbook-searchbar'"));

    // 貼り付けと × では keyup が起きない。中身が変われば、結果も変わる。
    let results = "document.querySelectorAll('#mdbook-searchresults li').length";
    reader.tab.call("Input.insertText", json!({ "text": "GAN" }));
    reader.wait(&format!("{results} === 30"));
    let header = reader.text("#mdbook-searchresults-header");
    let count: usize =
        header.split(" か所").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(count > 300, "{header}");
    assert!(reader.text(".search-note").contains("はじめの 30 か所"));

    // 変換中の Enter では、どこへも行かない。
    reader.watch_page_turns();
    reader.js("document.getElementById('mdbook-searchbar').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))");
    assert!(!reader.page_turned(), "変換を確定する Enter で、ページが移りました");

    // ↓ で選んだ結果は、いつも見えている。↑ で欄に戻る。
    for _ in 0..20 {
        reader.press("ArrowDown");
    }
    assert!(reader.is("(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.activeElement.getBoundingClientRect())
        && document.activeElement === document.querySelectorAll('#mdbook-searchresults a')[19]"));
    for _ in 0..20 {
        reader.press("ArrowUp");
    }
    assert!(reader.is("document.activeElement.id === 'mdbook-searchbar'"));
    reader.js("(() => { const bar = document.getElementById('mdbook-searchbar'); bar.value = ''; bar.dispatchEvent(new Event('input')); })()");
    assert_eq!(reader.js(results), json!(0));
    reader.press("Escape");
    assert_eq!(reader.js("scrollY"), json!(2500), "閉じると、読んでいた所から動きます");

    // 問題の抜粋は、答えを見せない。
    let (_, hits) = search(&reader, "ミニマックス");
    assert!(hits.iter().any(|hit| hit.place.contains("quiz.html")));
    for hit in hits.iter().filter(|hit| hit.place.contains("quiz.html")) {
        assert!(
            !hit.teaser.contains("正解") && !hit.teaser.contains("答えと解説"),
            "{}",
            hit.teaser
        );
    }
}
