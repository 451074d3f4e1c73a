//! 学習を見守ります: 進み具合の棒、途中の絵、Ctrl-C、発散。

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::LazyLock;

use anyhow::{Result, bail};
use common::history::History;
use common::seed::Variables;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::{say, stop_requested, warn};

/// 並べて学習するときも棒が重ならないよう、1 か所で描く。
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// 学習の進み具合。端末では棒で、そうでなければ 1 割ごとに 1 行で知らせます。
pub struct Progress {
    bar: ProgressBar,
    label: String,
    steps: usize,
    plain: bool,
}

impl Progress {
    /// `label` の学習 (`steps` 回) を始めます。`quiet` なら何も出しません。
    pub fn new(label: &str, steps: usize, quiet: bool) -> Self {
        let plain = !quiet && !std::io::stderr().is_terminal();
        let bar = match quiet || plain {
            true => ProgressBar::hidden(),
            false => BARS.add(ProgressBar::new(steps as u64)),
        };
        let style =
            ProgressStyle::with_template("{prefix} {bar:24.cyan} {pos}/{len} 残り {eta} {msg}")
                .expect("書式は定数");
        bar.set_style(style);
        bar.set_prefix(label.to_string());
        Self { bar, label: label.to_string(), steps, plain }
    }

    /// `step` 回目 (1 から) が終わったことを、損失とともに知らせます。
    pub fn step(&self, step: usize, losses: &[(&'static str, f32)]) {
        // 毎回書き換えると、文字を作る時間が学習より長くなる。
        let tenth = self.steps.div_ceil(10).max(1);
        let due = step.is_multiple_of(20) || step == 1 || step == self.steps;
        if due || self.plain {
            let text = || {
                let items = losses.iter().map(|(name, value)| format!("{name} {value:.3}"));
                items.collect::<Vec<_>>().join("  ")
            };
            if due && !self.bar.is_hidden() {
                self.bar.set_position(step as u64);
                self.bar.set_message(text());
            }
            if self.plain && (step == 1 || step.is_multiple_of(tenth)) {
                let _ =
                    writeln!(std::io::stderr(), "{} {step}/{}  {}", self.label, self.steps, text());
            }
        }
    }

    /// 棒の邪魔をせずに、途中の絵などを出します。
    pub fn show(&self, text: &str) {
        if !self.bar.is_hidden() {
            BARS.suspend(|| say(text));
        }
    }

    /// 終わりを知らせます。途中で止めたときは、棒もそこで止まります。
    pub fn finish(&self) {
        self.bar.abandon();
    }
}

/// 1 回の学習を見守る役。`train` の observer から、毎回 [`Watch::step`] を呼びます。
pub struct Watch {
    progress: Progress,
    /// 発散したときに、小さくするよう勧める指定。
    lower: &'static str,
    pictures: usize,
}

impl Watch {
    pub fn new(label: &str, steps: usize, quiet: bool, lower: &'static str) -> Self {
        Self { progress: Progress::new(label, steps, quiet), lower, pictures: 0 }
    }

    /// `step` 回目の損失を見て知らせます。学習の前は None です。止めるときは Break を返します。
    ///
    /// 損失は毎回、重みは 20 回ごとと終わりに、有限かを確かめます。有限でなければ失敗します。
    pub fn step(
        &mut self,
        step: usize,
        losses: Option<impl AsRef<[(&'static str, f32)]>>,
        weights: Option<&Variables>,
    ) -> Result<ControlFlow<()>> {
        let stop = stop_requested();
        if let Some(losses) = losses {
            let losses = losses.as_ref();
            self.progress.step(step, losses);
            if let Some((name, value)) = losses.iter().find(|(_, value)| !value.is_finite()) {
                return self.diverged(step, &format!("{name} が {value}"));
            }
            if (stop || step.is_multiple_of(20) || step == self.progress.steps)
                && let Some(name) = weights.map(Variables::not_finite).transpose()?.flatten()
            {
                return self.diverged(step, &format!("重み {name} が NaN か無限大"));
            }
        }
        Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn diverged(&self, step: usize, what: &str) -> Result<ControlFlow<()>> {
        self.progress.finish();
        bail!(
            "{}の学習が {step} 回目で発散し、{what} になりました。{} を小さくしてください。この学習は残さず、前の結果はそのままです",
            self.progress.label,
            self.lower
        )
    }

    /// 途中の絵が `count` 枚に増えていたら、いちばん新しいものを `draw` で文字にして見せます。
    pub fn picture(
        &mut self,
        step: usize,
        count: usize,
        draw: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        if count > self.pictures {
            self.pictures = count;
            self.progress.show(&format!("{}: {step} 回\n{}", self.progress.label, draw()?));
        }
        Ok(())
    }

    /// 棒を止め、損失がけた外れなら一言添えます。
    pub fn finish(self, history: &History) {
        self.progress.finish();
        if let Some((name, value)) = absurd(history) {
            warn(format!(
                "お知らせ: {}の学習では {name} が {value:.0} まで大きくなりました。うまく学習できていないようです。{} を小さくしてみてください。",
                self.progress.label, self.lower
            ));
        }
    }
}

/// 終わりの 1 割の平均が 1,000 を超え、はじめの 50 倍を超えた列。
pub fn absurd(history: &History) -> Option<(String, f64)> {
    history.names().iter().find_map(|name| {
        let first = history.series(name).first()?.1.abs().max(1.);
        let last = history.tail_mean(name, (history.len() / 10).max(1)).abs();
        (last > 1e3 && last > 50. * first).then(|| (name.clone(), last))
    })
}
