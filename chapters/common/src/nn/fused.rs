//! candle の計算グラフに、自前の順伝播と逆伝播を持つ演算を差し込む。
//!
//! candle の `CustomOp` は、順伝播ではストレージ、逆伝播ではテンソルを渡してくる。その違いをここで吸収し、
//! 各層は f32 のスライスだけを見て式を書けばよいようにする。

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor, bail};

/// 演算の引数: 途切れなく並んだ値と形。
pub(super) struct Arg<'a> {
    pub data: &'a [f32],
    pub dims: &'a [usize],
    /// 勾配が要るか。凍結した重みや入力データなら要らず、計算も省ける。
    pub wanted: bool,
}

/// 引数が 3 つまでの演算。形の検査は `apply` を呼ぶ前に済ませておく。
pub(super) trait Fused: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// 出力の値と形。
    fn forward(&self, args: [Arg; 3]) -> (Vec<f32>, Vec<usize>);

    /// 出力 `y` の勾配 `grad` から、各引数の勾配 (`wanted` でないものは `None`)。
    fn backward(&self, args: [Arg; 3], y: &[f32], grad: &[f32]) -> [Option<Vec<f32>>; 3];
}

/// `op` を計算グラフに加える。足りない引数は空のテンソルで埋める。
pub(super) fn apply(op: impl Fused, x: &Tensor, rest: &[&Tensor]) -> Result<Tensor> {
    let arg = |i: usize| match rest.get(i) {
        Some(t) => t.contiguous(),
        None => Tensor::zeros(0, DType::F32, x.device()),
    };
    if x.dtype() != DType::F32 {
        bail!("{}: 入力の型が {:?} です。F32 のテンソルを渡してください", op.name(), x.dtype());
    }
    x.contiguous()?.apply_op3(&arg(0)?, &arg(1)?, Adapter(op))
}

/// 画像の形 (枚数, チャネル, 縦, 横) を取り出す。計算の途中ではなく入口で、形と型を示して止める。
pub(super) fn dims4(name: &str, x: &Tensor) -> Result<(usize, usize, usize, usize)> {
    match *x.dims() {
        [n, c, h, w] if n * c * h * w > 0 => Ok((n, c, h, w)),
        ref dims => bail!(
            "{name}: 入力の形 {dims:?} を使えません。空でない [枚数, チャネル, 縦, 横] にしてください"
        ),
    }
}

pub(super) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice()?[start..end]),
        None => bail!("途切れなく並んだテンソルが要ります (形 {:?})", layout.shape()),
    }
}

fn cpu_slice<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => slice(storage, layout),
        _ => bail!("common::nn は CPU のテンソルだけを扱います"),
    }
}

/// テンソルの中身をスライスとして `f` に渡す。
pub(super) fn with_slice<R>(t: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let t = t.contiguous()?;
    let (storage, layout) = t.storage_and_layout();
    Ok(f(cpu_slice(&storage, layout)?))
}

struct Adapter<F>(F);

impl<F: Fused> CustomOp3 for Adapter<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_l: &Layout,
        b: &CpuStorage,
        b_l: &Layout,
        c: &CpuStorage,
        c_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn arg<'a>(storage: &'a CpuStorage, layout: &'a Layout) -> Result<Arg<'a>> {
            Ok(Arg { data: slice(storage, layout)?, dims: layout.dims(), wanted: false })
        }
        let (y, dims) = self.0.forward([arg(a, a_l)?, arg(b, b_l)?, arg(c, c_l)?]);
        Ok((CpuStorage::F32(y), Shape::from(dims)))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let tensors = [a, b, c, y, &grad].map(Tensor::storage_and_layout);
        let mut slices = Vec::new();
        for (storage, layout) in &tensors {
            slices.push(cpu_slice(storage, layout)?);
        }
        let args = [(0, a), (1, b), (2, c)];
        let args = args.map(|(i, t)| Arg { data: slices[i], dims: t.dims(), wanted: t.track_op() });
        let [da, db, dc] = self.0.backward(args, slices[3], slices[4]);
        let tensor = |d: Option<Vec<f32>>, t: &Tensor| {
            d.map(|d| Tensor::from_vec(d, t.shape(), t.device())).transpose()
        };
        Ok((tensor(da, a)?, tensor(db, b)?, tensor(dc, c)?))
    }
}
