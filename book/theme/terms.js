// 用語の吹き出し。
//
// 本文の語は、用語集へのリンクになっている。ここでは、語に焦点かマウスが来たときに説明を添える。
// 指で触れたときは、1 度目で説明を出し、2 度目で用語集へ移る。
(() => {
    'use strict';

    const tip = document.createElement('span');
    tip.id = 'term-tip';
    tip.setAttribute('role', 'tooltip');
    tip.hidden = true;

    let shown = null;
    let timer = 0;

    function show(term) {
        clearTimeout(timer);
        if (shown === term) {
            return;
        }
        hide();
        shown = term;
        tip.textContent = term.dataset.tip;
        tip.hidden = false;
        document.body.append(tip);
        term.setAttribute('aria-describedby', tip.id);
        place(term);
    }

    function hide() {
        clearTimeout(timer);
        if (shown) {
            shown.removeAttribute('aria-describedby');
            shown = null;
            tip.hidden = true;
        }
    }

    // 説明の上へマウスを動かす間は消さない。
    function hideSoon() {
        clearTimeout(timer);
        timer = setTimeout(hide, 200);
    }

    // 語のすぐ下に、画面からはみ出さないように置く。下に場所が無ければ上に置く。
    function place(term) {
        const gap = 6;
        const box = term.getClientRects()[0];
        const { width, height } = tip.getBoundingClientRect();
        const room = document.documentElement.clientWidth - width - gap;
        const below = box.bottom + gap + height <= window.innerHeight;
        tip.style.left = `${window.scrollX + Math.max(gap, Math.min(box.left, room))}px`;
        tip.style.top = `${window.scrollY + (below ? box.bottom + gap : box.top - gap - height)}px`;
    }

    const termOf = event => event.target.closest?.('a.term');

    document.addEventListener('focusin', event => {
        const term = termOf(event);
        term ? show(term) : hide();
    });
    document.addEventListener('focusout', event => termOf(event) && hideSoon());
    document.addEventListener('pointerover', event => {
        const term = termOf(event);
        if (term && event.pointerType === 'mouse') {
            show(term);
        } else if (event.target === tip) {
            clearTimeout(timer);
        }
    });
    document.addEventListener('pointerout', event => {
        if ((termOf(event) || event.target === tip) && document.activeElement !== shown) {
            hideSoon();
        }
    });

    // 触れたときは、焦点の移りより先に、出ていたかどうかを見ておく。
    let touched = null;
    document.addEventListener('pointerdown', event => {
        const term = termOf(event);
        touched = term && event.pointerType === 'touch' && term !== shown ? term : null;
        if (!term && event.target !== tip) {
            hide();
        }
    });
    document.addEventListener('click', event => {
        if (touched && termOf(event) === touched) {
            event.preventDefault();
            show(touched);
        }
        touched = null;
    });
    document.addEventListener('keydown', event => {
        if (event.key === 'Escape') {
            hide();
        }
    });
    window.addEventListener('resize', hide);
})();
