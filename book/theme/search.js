// 日本語の検索。
//
// mdBook の検索は、空白で区切った語しか見つけない。検索の箱と結果の表示は mdBook のものを使い、
// 探すところだけを、本文の部分一致に替える。mdBook の索引は全文を持っているので、索引は作り直さない。
// 全角と半角、大文字と小文字、ひらがなとカタカナは区別しない。
(() => {
    'use strict';

    if (!window.elasticlunr) {
        return;
    }

    const BEFORE = 30;
    const AFTER = 90;

    // 1 文字を、比べる形にする。文字数が変わると位置がずれるので、必ず 1 文字を返す。
    function foldChar(char) {
        const folded = char.normalize('NFKC').toLowerCase();
        if (folded.length !== 1) {
            return char;
        }
        return /[ァ-ヶ]/.test(folded) ? String.fromCharCode(folded.charCodeAt(0) - 0x60) : folded;
    }

    // 索引の文にはタグの所に空白が入っている。空白を除いて比べ、元の位置も覚えておく。
    function foldText(text) {
        let folded = '';
        const places = [];
        for (let i = 0; i < text.length; i++) {
            if (!/\s/.test(text[i])) {
                folded += foldChar(text[i]);
                places.push(i);
            }
        }
        return { folded, places };
    }

    function count(text, word) {
        return text.split(word).length - 1;
    }

    // 見つかった所の前後。mdBook は空白で区切られた語を強調するので、見つけた語を空白で囲む。
    function excerpt(body, { folded, places }, words) {
        const word = words.find(w => folded.includes(w));
        if (word === undefined) {
            return body.slice(0, BEFORE + AFTER);
        }
        const at = folded.indexOf(word);
        const start = places[at];
        const end = places[at + word.length - 1] + 1;
        const head = Math.max(0, start - BEFORE);
        return (head > 0 ? '…' : '') + body.slice(head, start) + ' ' + body.slice(start, end) + ' '
            + body.slice(end, end + AFTER) + (end + AFTER < body.length ? '…' : '');
    }

    window.elasticlunr.Index.load = index => {
        const pages = Object.entries(index.documentStore.docs).map(([ref, doc]) => ({
            ref,
            doc,
            title: foldText(doc.title).folded,
            trail: foldText(doc.breadcrumbs).folded,
            body: foldText(doc.body),
        }));
        return {
            search(query) {
                const words = query.split(/\s+/).map(word => foldText(word).folded).filter(Boolean);
                const found = [];
                for (const { ref, doc, title, trail, body } of pages) {
                    const scores = words.map(word =>
                        20 * count(title, word) + 5 * count(trail, word) + count(body.folded, word));
                    if (words.length > 0 && scores.every(score => score > 0)) {
                        found.push({
                            ref,
                            score: scores.reduce((sum, score) => sum + score, 0),
                            doc: { ...doc, body: excerpt(doc.body, body, words) },
                        });
                    }
                }
                return found.sort((a, b) => b.score - a.score);
            },
        };
    };

    // `?search=…` で開かれたページでは、mdBook が先に索引を読み終えていることがある。
    // そのときは索引を読み直させ、同じ語でもう一度探させる (mdBook は同じ語を続けては探さない)。
    const script = document.getElementById('mdbook-search-index');
    if (script && window.search.index) {
        script.onload();
        const bar = document.getElementById('mdbook-searchbar');
        const query = bar.value;
        for (const value of [query + query, query]) {
            bar.value = value;
            bar.dispatchEvent(new Event('keyup'));
        }
    }
})();
