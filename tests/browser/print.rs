//! 本の全体を 1 枚にした、印刷用のページ。開くのに時間がかかるので、1 度だけ開く。

use crate::reader::Reader;

#[test]
fn the_whole_book_stands_on_one_page() {
    let Some(reader) = Reader::new() else { return };
    reader.phone();
    // 「潜在変数を動かす」図は、置き場所の違いにまごつかずに動く。
    reader.explore("print.html");
    // 試験の机は、紙では使えないので、案内のままになる。
    assert!(reader.is("document.querySelectorAll('.desk').length === 3"));
    assert!(reader.is("!document.querySelector('.desk.quiz-js')"));
    assert!(reader.text(".desk").contains("画面の上で模擬試験が開きます"));
    assert_eq!(reader.overflow(), None);
}
