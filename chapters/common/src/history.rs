//! 学習の記録。端末・スナップショット・本の「実行結果」は、同じ 1 つの表を見せます。

use std::fmt;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};

use crate::state::{Resume, State};

/// ステップごとの値の記録。列の名前は最初の記録で決まります。
#[derive(Debug, Clone, Default)]
pub struct History {
    names: Vec<String>,
    rows: Vec<(usize, Vec<f32>)>,
}

impl History {
    /// 1 ステップの値を足します。
    pub fn push(&mut self, step: usize, values: &[(&'static str, f32)]) {
        if self.rows.is_empty() {
            self.names = values.iter().map(|&(name, _)| name.to_string()).collect();
        }
        debug_assert!(values.iter().map(|v| v.0).eq(self.names.iter()));
        self.rows.push((step, values.iter().map(|&(_, value)| value).collect()));
    }

    /// 記録したステップの数。
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// まだ何も記録していなければ真。
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// 列の名前。
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// 列 `name` の (ステップ, 値)。知らない名前なら空です。
    pub fn series(&self, name: &str) -> Vec<(f64, f64)> {
        let Some(column) = self.names.iter().position(|known| known == name) else {
            return Vec::new();
        };
        self.rows.iter().map(|(step, values)| (*step as f64, f64::from(values[column]))).collect()
    }

    /// `width` ステップごとの平均。線グラフでは、1 ステップごとの揺れをならして見せます。
    pub fn smoothed(&self, name: &str, width: usize) -> Vec<(f64, f64)> {
        self.series(name)
            .chunks(width.max(1))
            .map(|chunk| {
                let n = chunk.len() as f64;
                let sum =
                    chunk.iter().fold((0., 0.), |sum, point| (sum.0 + point.0, sum.1 + point.1));
                (sum.0 / n, sum.1 / n)
            })
            .collect()
    }

    /// 列 `name` の最後の `n` ステップの平均。
    pub fn tail_mean(&self, name: &str, n: usize) -> f64 {
        let series = self.series(name);
        let tail = &series[series.len().saturating_sub(n)..];
        tail.iter().map(|point| point.1).sum::<f64>() / tail.len().max(1) as f64
    }
}

/// 表の 1 行は、区間の平均です。全体を 10 区間ほどに分けます。
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: usize = 10;
        write!(f, "{:>8}", "step")?;
        for name in &self.names {
            write!(f, "{name:>12}")?;
        }
        writeln!(f)?;
        for chunk in self.rows.chunks(self.rows.len().div_ceil(ROWS).max(1)) {
            let (last, _) = chunk.last().expect("chunks は空の切れ端を返さない");
            write!(f, "{last:>8}")?;
            for column in 0..self.names.len() {
                let sum: f32 = chunk.iter().map(|(_, values)| values[column]).sum();
                write!(f, "{:>12.3}", sum / chunk.len() as f32)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Resume for History {
    fn save(&self, state: &mut State, name: &str) -> Result<()> {
        self.names.save(state, &format!("{name}.names"))?;
        let steps: Vec<f64> = self.rows.iter().map(|(step, _)| *step as f64).collect();
        state.put_numbers(format!("{name}.steps"), &steps)?;
        let values: Vec<f32> = self.rows.iter().flat_map(|(_, values)| values.clone()).collect();
        let shape = (self.rows.len(), self.names.len());
        state.put(format!("{name}.values"), Tensor::from_vec(values, shape, &Device::Cpu)?);
        Ok(())
    }

    fn restore(&mut self, state: &State, name: &str) -> Result<()> {
        self.names.restore(state, &format!("{name}.names"))?;
        let steps = state.numbers(&format!("{name}.steps"))?;
        let values = state.get(&format!("{name}.values"))?.to_vec2::<f32>()?;
        ensure!(
            steps.len() == values.len() && values.iter().all(|row| row.len() == self.names.len()),
            "途中のようすの {name} の形が合いません"
        );
        self.rows = steps.into_iter().map(|step| step as usize).zip(values).collect();
        Ok(())
    }
}

/// 3 桁ごとにコンマを入れた数。
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}
