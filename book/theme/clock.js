// 試験中の時計。模擬試験のほかのページでは、上の帯に残り時間を出し、押すと試験へ戻れる。
(() => {
  'use strict';

  const { KEYS, read } = window.workbookStore;
  const bar = document.querySelector('#mdbook-menu-bar .right-buttons');
  if (!bar || document.querySelector('.desk[data-desk="mock"]') || location.pathname.endsWith('/print.html')) return;
  const clock = Object.assign(document.createElement('a'), { className: 'exam-clock', href: `${path_to_root}exam/mock.html`, hidden: true });
  let ticking = 0;

  function tick() {
    const exam = read(KEYS.exam, null);
    const running = Number.isFinite(exam?.started) && Array.isArray(exam.items);
    if (running !== Boolean(clock.isConnected)) running ? bar.prepend(clock) : clock.remove();
    clock.hidden = !running;
    clearInterval(ticking);
    if (!running) return;
    const total = (exam.deadline - exam.started) / 1000;
    const left = Math.max(0, Math.min(total, Math.ceil((exam.deadline - Date.now()) / 1000)));
    const seconds = exam.deadline ? left : (Date.now() - exam.started) / 1000;
    const text = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
    clock.textContent = exam.deadline && left === 0 ? '試験終了' : `試験中 ${text}`;
    clock.title = '模擬試験に戻る';
    ticking = setInterval(tick, 1000);
  }

  tick();
  addEventListener('storage', ({ key }) => { if (key === null || key === KEYS.exam) tick(); });
  addEventListener('pageshow', ({ persisted }) => { if (persisted) tick(); });
})();
