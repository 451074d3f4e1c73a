//! 学習 1 歩の速さを測る: `cargo bench -p common` (表)、`cargo bench -p common -- dcgan --json` (1 行の JSON)。
//!
//! 同じ形・同じ手順の PyTorch 版が `pytorch.py` にある。乱数を作る時間は、どちらも含めない。

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder, VarMap};
use common::nn::{
    self, Activation, Adam, AdamConfig, BatchNorm2d, Conv2d, ConvConfig, ConvTranspose2d,
    InstanceNorm2d, Linear,
};

const LEAKY: Activation = Activation::LeakyRelu(0.2);
const NAMES: [&str; 5] = ["vae", "mlp-gan", "dcgan", "pix2pix", "cyclegan"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let json = arguments.iter().any(|a| a == "--json");
    let mut names: Vec<&str> = Vec::new();
    for argument in arguments.iter().filter(|a| *a != "--json") {
        let known = NAMES.iter().find(|name| *name == argument);
        names.push(known.with_context(|| {
            format!("{argument} は知りません。{NAMES:?} か --json を渡してください")
        })?);
    }
    if let ([name], true) = (&names[..], json) {
        println!("{}", nn::run(|| measure(name))?);
        return Ok(());
    }
    let peak = nn::run(matmul_peak)?;
    println!(
        "行列積の最高 (1024 次): {peak:.0} GFLOP/s、{} スレッド",
        rayon::current_num_threads()
    );
    println!(
        "{:<10}{:>9}{:>9}{:>9}{:>11}{:>8}{:>9}",
        "", "最短 ms", "中央 ms", "枚/秒", "GFLOP/s", "最高比", "最大 MB"
    );
    for name in if names.is_empty() { &NAMES[..] } else { &names } {
        // メモリの最大値は減らないので、モデルごとに別のプロセスで測る。
        let output =
            std::process::Command::new(std::env::current_exe()?).args([name, "--json"]).output()?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let run: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let get = |key: &str| run[key].as_f64().with_context(|| format!("{key} がありません"));
        println!(
            "{name:<10}{:>12.2}{:>11.2}{:>10.0}{:>11.1}{:>10.0}%{:>9.0}",
            get("best_ms")?,
            get("median_ms")?,
            get("images_per_s")?,
            get("gflops")?,
            100.0 * get("gflops")? / peak,
            get("peak_mb")?,
        );
    }
    Ok(())
}

/// 1024 次の正方行列の積の速さ (GFLOP/s、20 回の最高)。
fn matmul_peak() -> Result<f64> {
    let a = noise(1, &[1024, 1024])?;
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        a.matmul(&a)?;
        best = best.min(start.elapsed());
    }
    Ok(2.0 * 1024f64.powi(3) / best.as_secs_f64() / 1e9)
}

/// 3 歩慣らしてから 3 秒間 (少なくとも 10 歩) 学習し、1 行の JSON にまとめる。
fn measure(name: &str) -> Result<String> {
    let mut model: Box<dyn Step> = match name {
        "vae" => Box::new(Vae::new()?),
        "mlp-gan" => Box::new(Gan::mlp()?),
        "dcgan" => Box::new(Gan::dcgan()?),
        "pix2pix" => Box::new(Pix2Pix::new()?),
        "cyclegan" => Box::new(CycleGan::new()?),
        _ => bail!("{name} は知りません"),
    };
    for _ in 0..3 {
        model.step()?;
    }
    let (start, mut times, mut best_cpu) = (Instant::now(), Vec::new(), f64::INFINITY);
    while start.elapsed() < Duration::from_secs(3) || times.len() < 10 {
        let cpu = thread_cpu_ms();
        let start = Instant::now();
        let loss = model.step()?;
        times.push(start.elapsed().as_secs_f64());
        best_cpu = f64::min(best_cpu, thread_cpu_ms() - cpu);
        ensure!(loss.is_finite(), "{name}: 損失が {loss} になりました");
    }
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0], times[times.len() / 2]);
    let images = model.images();
    Ok(serde_json::json!({
        "model": name, "threads": rayon::current_num_threads(), "steps": times.len(),
        "best_ms": best * 1e3, "best_cpu_ms": best_cpu, "median_ms": median * 1e3,
        "images_per_s": images as f64 / best,
        "gflops": 2.0 * model.macs() * images as f64 / best / 1e9,
        "peak_mb": peak_memory_mb(),
    })
    .to_string())
}

/// このスレッドが CPU を使った時間 (Linux 以外では 0)。1 スレッドで測るなら、他の仕事に CPU を取られた時間を除ける。
fn thread_cpu_ms() -> f64 {
    // Linux がこの値を数え直すのは数 ms おき。CPU を一度譲ると、そこまでの分が加わる。
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

/// このプロセスが使った物理メモリの最大 (Linux 以外では 0)。
fn peak_memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

trait Step {
    /// 学習を 1 歩進め、損失の 1 つを返す。
    fn step(&mut self) -> Result<f32>;
    /// 1 歩で使うデータの枚数。
    fn images(&self) -> usize;
    /// 1 枚・1 歩あたりの積和の回数 (畳み込みと全結合だけ。不要な勾配は数えない)。
    fn macs(&self) -> f64;
}

/// 種から決まる -1〜1 のテンソル。
fn noise(seed: u64, dims: &[usize]) -> Result<Tensor> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = std::iter::repeat_with(next).take(dims.iter().product()).collect();
    Ok(Tensor::from_vec(values, dims, &Device::Cpu)?)
}

fn builder(vars: &VarMap) -> VarBuilder<'static> {
    VarBuilder::from_varmap(vars, DType::F32, &Device::Cpu)
}

fn adam(vars: &VarMap, lr: f64, beta1: f64) -> Result<Adam> {
    Ok(Adam::new(vars.all_vars(), AdamConfig { lr, beta1, ..Default::default() })?)
}

/// 順につないだ層。積和の回数を数えながら作る。
struct Net {
    layers: Vec<Layer>,
    vb: VarBuilder<'static>,
    /// 今の画像の `[チャネル, 縦横]`。
    shape: [usize; 2],
    macs: Vec<f64>,
}

enum Layer {
    Linear(Linear),
    Conv(Conv2d),
    Up(ConvTranspose2d),
    Batch(BatchNorm2d),
    Instance(InstanceNorm2d),
    Reflect(usize),
    /// x + f(x)
    Residual(Net),
}

impl Net {
    fn new(shape: [usize; 2], vb: VarBuilder<'static>) -> Self {
        Self { layers: Vec::new(), vb, shape, macs: Vec::new() }
    }

    fn name(&self) -> VarBuilder<'static> {
        self.vb.pp(self.layers.len())
    }

    fn linear(mut self, out: usize, activation: Activation) -> Result<Self> {
        let layer = Linear::new(self.shape[0], out, activation, self.name())?;
        self.macs.push((self.shape[0] * out) as f64);
        self.layers.push(Layer::Linear(layer));
        self.shape[0] = out;
        Ok(self)
    }

    fn conv(mut self, out: usize, config: ConvConfig) -> Result<Self> {
        let layer = Conv2d::new(self.shape[0], out, config, self.name())?;
        let size = (self.shape[1] + 2 * config.padding - config.kernel) / config.stride + 1;
        self.macs.push((self.shape[0] * out * config.kernel.pow(2) * size.pow(2)) as f64);
        self.layers.push(Layer::Conv(layer));
        self.shape = [out, size];
        Ok(self)
    }

    fn up(mut self, out: usize, config: ConvConfig) -> Result<Self> {
        let layer = ConvTranspose2d::new(self.shape[0], out, config, self.name())?;
        self.macs.push((self.shape[0] * out * config.kernel.pow(2) * self.shape[1].pow(2)) as f64);
        let size = (self.shape[1] - 1) * config.stride + config.kernel + config.output_padding;
        self.layers.push(Layer::Up(layer));
        self.shape = [out, size - 2 * config.padding];
        Ok(self)
    }

    fn batch(mut self, activation: Activation) -> Result<Self> {
        self.layers.push(Layer::Batch(BatchNorm2d::new(self.shape[0], activation, self.name())?));
        Ok(self)
    }

    fn instance(mut self, activation: Activation) -> Result<Self> {
        self.layers.push(Layer::Instance(InstanceNorm2d::new(activation)?));
        Ok(self)
    }

    fn reflect(mut self, padding: usize) -> Self {
        self.layers.push(Layer::Reflect(padding));
        self.shape[1] += 2 * padding;
        self
    }

    fn residual(mut self, f: impl FnOnce(Net) -> Result<Net>) -> Result<Self> {
        let inner = f(Net::new(self.shape, self.name()))?;
        self.macs.extend(&inner.macs);
        self.layers.push(Layer::Residual(inner));
        Ok(self)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for layer in &self.layers {
            x = match layer {
                Layer::Linear(layer) => layer.forward(&x)?,
                Layer::Conv(layer) => layer.forward(&x)?,
                Layer::Up(layer) => layer.forward(&x)?,
                Layer::Batch(layer) => layer.forward_t(&x, true)?,
                Layer::Instance(layer) => layer.forward(&x)?,
                Layer::Reflect(padding) => nn::reflection_pad(&x, *padding)?,
                Layer::Residual(net) => (net.forward(&x)? + &x)?,
            };
        }
        Ok(x)
    }

    fn frozen(&self) -> Self {
        let freeze = |layer: &Layer| match layer {
            Layer::Linear(layer) => Layer::Linear(layer.frozen()),
            Layer::Conv(layer) => Layer::Conv(layer.frozen()),
            Layer::Up(layer) => Layer::Up(layer.frozen()),
            Layer::Batch(layer) => Layer::Batch(layer.frozen()),
            Layer::Instance(layer) => Layer::Instance(*layer),
            Layer::Reflect(padding) => Layer::Reflect(*padding),
            Layer::Residual(net) => Layer::Residual(net.frozen()),
        };
        Self {
            layers: self.layers.iter().map(freeze).collect(),
            vb: self.vb.clone(),
            shape: self.shape,
            macs: self.macs.clone(),
        }
    }

    /// 順伝播 1 回の積和。
    fn forward_macs(&self) -> f64 {
        self.macs.iter().sum()
    }

    /// 順伝播と、重みと入力の勾配。`leaf` なら最初の層の入力の勾配は要らない。
    fn train_macs(&self, leaf: bool) -> f64 {
        3.0 * self.forward_macs() - if leaf { self.macs[0] } else { 0.0 }
    }
}

fn conv(kernel: usize, stride: usize, padding: usize, activation: Activation) -> ConvConfig {
    ConvConfig { kernel, stride, padding, activation, ..Default::default() }
}

/// 正規化の前に置く畳み込み (バイアスも活性化も無い)。
fn plain(kernel: usize, stride: usize, padding: usize) -> ConvConfig {
    ConvConfig { bias: false, ..conv(kernel, stride, padding, Activation::None) }
}

/// 784-400-20 の VAE、128 枚。
struct Vae {
    encoder: Net,
    mean: Net,
    log_var: Net,
    decoder: Net,
    adam: Adam,
    x: Tensor,
    noise: Tensor,
}

impl Vae {
    fn new() -> Result<Self> {
        let vars = VarMap::new();
        let vb = builder(&vars);
        let encoder = Net::new([784, 1], vb.pp("encoder")).linear(400, Activation::Relu)?;
        let mean = Net::new([400, 1], vb.pp("mean")).linear(20, Activation::None)?;
        let log_var = Net::new([400, 1], vb.pp("log_var")).linear(20, Activation::None)?;
        let decoder = Net::new([20, 1], vb.pp("decoder"))
            .linear(400, Activation::Relu)?
            .linear(784, Activation::None)?;
        let adam = adam(&vars, 1e-3, 0.9)?;
        let x = noise(1, &[128, 784])?.affine(0.5, 0.5)?;
        Ok(Self { encoder, mean, log_var, decoder, adam, x, noise: noise(2, &[128, 20])? })
    }
}

impl Step for Vae {
    fn step(&mut self) -> Result<f32> {
        let h = self.encoder.forward(&self.x)?;
        let (mean, log_var) = (self.mean.forward(&h)?, self.log_var.forward(&h)?);
        let z = (&mean + (log_var.affine(0.5, 0.0)?.exp()? * &self.noise)?)?;
        let logits = self.decoder.forward(&z)?;
        let reconstruction = nn::bce_with_logits(&logits, &self.x)?.affine(784.0, 0.0)?;
        let kl = ((mean.sqr()? + log_var.exp()?)? - (log_var + 1.0)?)?
            .sum_all()?
            .affine(0.5 / 128.0, 0.0)?;
        let loss = (reconstruction + kl)?;
        self.adam.step(&loss.backward()?)?;
        Ok(loss.to_scalar()?)
    }

    fn images(&self) -> usize {
        128
    }

    fn macs(&self) -> f64 {
        [&self.mean, &self.log_var, &self.decoder].iter().map(|n| n.train_macs(false)).sum::<f64>()
            + self.encoder.train_macs(true)
    }
}

/// 全結合の GAN と DCGAN。D の 1 歩と、D を凍結した G の 1 歩。
struct Gan {
    generator: Net,
    discriminator: Net,
    adam_g: Adam,
    adam_d: Adam,
    real: Tensor,
    z: Tensor,
}

impl Gan {
    fn mlp() -> Result<Self> {
        let (g, d) = (VarMap::new(), VarMap::new());
        let generator = Net::new([64, 1], builder(&g))
            .linear(256, LEAKY)?
            .linear(256, LEAKY)?
            .linear(784, Activation::Tanh)?;
        let discriminator = Net::new([784, 1], builder(&d))
            .linear(256, LEAKY)?
            .linear(256, LEAKY)?
            .linear(1, Activation::None)?;
        let (adam_g, adam_d) = (adam(&g, 2e-4, 0.5)?, adam(&d, 2e-4, 0.5)?);
        let (real, z) = (noise(1, &[128, 784])?, noise(2, &[128, 64])?);
        Ok(Self { generator, discriminator, adam_g, adam_d, real, z })
    }

    /// 32×32 の白黒、幅 32、64 枚。
    fn dcgan() -> Result<Self> {
        let (g, d, w) = (VarMap::new(), VarMap::new(), 32);
        let generator = Net::new([64, 1], builder(&g))
            .up(4 * w, plain(4, 1, 0))?
            .batch(Activation::Relu)?
            .up(2 * w, plain(4, 2, 1))?
            .batch(Activation::Relu)?
            .up(w, plain(4, 2, 1))?
            .batch(Activation::Relu)?
            .up(1, conv(4, 2, 1, Activation::Tanh))?;
        let discriminator = Net::new([1, 32], builder(&d))
            .conv(w, conv(4, 2, 1, LEAKY))?
            .conv(2 * w, plain(4, 2, 1))?
            .batch(LEAKY)?
            .conv(4 * w, plain(4, 2, 1))?
            .batch(LEAKY)?
            .conv(1, conv(4, 1, 0, Activation::None))?;
        let (adam_g, adam_d) = (adam(&g, 2e-4, 0.5)?, adam(&d, 2e-4, 0.5)?);
        let (real, z) = (noise(1, &[64, 1, 32, 32])?, noise(2, &[64, 64, 1, 1])?);
        Ok(Self { generator, discriminator, adam_g, adam_d, real, z })
    }
}

impl Step for Gan {
    fn step(&mut self) -> Result<f32> {
        let fake = self.generator.forward(&self.z)?;
        let on_real = nn::bce_with_logits(&self.discriminator.forward(&self.real)?, 1.0)?;
        let on_fake = nn::bce_with_logits(&self.discriminator.forward(&fake.detach())?, 0.0)?;
        self.adam_d.step(&(on_real + on_fake)?.backward()?)?;
        let loss = nn::bce_with_logits(&self.discriminator.frozen().forward(&fake)?, 1.0)?;
        self.adam_g.step(&loss.backward()?)?;
        Ok(loss.to_scalar()?)
    }

    fn images(&self) -> usize {
        self.real.dims()[0]
    }

    fn macs(&self) -> f64 {
        let d = &self.discriminator;
        self.generator.train_macs(true) + 2.0 * d.train_macs(true) + 2.0 * d.forward_macs()
    }
}

/// 32×32 の白黒、幅 32、16 枚。U-Net と PatchGAN、L1 の重み 100。
struct Pix2Pix {
    downs: Vec<Net>,
    ups: Vec<Net>,
    discriminator: Net,
    adam_g: Adam,
    adam_d: Adam,
    x: Tensor,
    y: Tensor,
}

impl Pix2Pix {
    fn new() -> Result<Self> {
        let (g, d, w) = (VarMap::new(), VarMap::new(), 32);
        let vb = builder(&g);
        let widths = [w, 2 * w, 4 * w, 8 * w, 8 * w];
        let (mut downs, mut ups, mut shape) = (Vec::new(), Vec::new(), [1, 32]);
        for (i, width) in widths.into_iter().enumerate() {
            let net = Net::new(shape, vb.pp(format!("down{i}")));
            downs.push(match i {
                0 => net.conv(width, conv(4, 2, 1, LEAKY))?,
                // いちばん狭い所は 1×1 で、1 枚ずつの統計が取れないので正規化しない。
                4 => net.conv(width, conv(4, 2, 1, Activation::Relu))?,
                _ => net.conv(width, plain(4, 2, 1))?.batch(LEAKY)?,
            });
            shape = downs[i].shape;
        }
        for (i, width) in [8 * w, 4 * w, 2 * w, w, 1].into_iter().enumerate() {
            let net = Net::new(shape, vb.pp(format!("up{i}")));
            ups.push(match i {
                4 => net.up(width, conv(4, 2, 1, Activation::Tanh))?,
                _ => net.up(width, plain(4, 2, 1))?.batch(Activation::Relu)?,
            });
            shape = ups[i].shape;
            if i < 4 {
                shape[0] += widths[3 - i];
            }
        }
        let discriminator = Net::new([2, 32], builder(&d))
            .conv(w, conv(4, 2, 1, LEAKY))?
            .conv(2 * w, plain(4, 2, 1))?
            .batch(LEAKY)?
            .conv(4 * w, plain(4, 1, 1))?
            .batch(LEAKY)?
            .conv(1, conv(4, 1, 1, Activation::None))?;
        let (adam_g, adam_d) = (adam(&g, 2e-4, 0.5)?, adam(&d, 2e-4, 0.5)?);
        let (x, y) = (noise(1, &[16, 1, 32, 32])?, noise(2, &[16, 1, 32, 32])?);
        Ok(Self { downs, ups, discriminator, adam_g, adam_d, x, y })
    }
}

impl Step for Pix2Pix {
    fn step(&mut self) -> Result<f32> {
        let (mut h, mut skips) = (self.x.clone(), Vec::new());
        for down in &self.downs {
            h = down.forward(&h)?;
            skips.push(h.clone());
        }
        skips.pop();
        for up in &self.ups {
            h = up.forward(&h)?;
            if let Some(skip) = skips.pop() {
                h = Tensor::cat(&[&h, &skip], 1)?;
            }
        }
        let fake = h;
        let pair = |y: &Tensor| Tensor::cat(&[&self.x, y], 1);
        let on_real = nn::bce_with_logits(&self.discriminator.forward(&pair(&self.y)?)?, 1.0)?;
        let on_fake =
            nn::bce_with_logits(&self.discriminator.forward(&pair(&fake.detach())?)?, 0.0)?;
        self.adam_d.step(&(on_real + on_fake)?.affine(0.5, 0.0)?.backward()?)?;
        let fooled =
            nn::bce_with_logits(&self.discriminator.frozen().forward(&pair(&fake)?)?, 1.0)?;
        let loss = (fooled + nn::l1(&fake, &self.y)?.affine(100.0, 0.0)?)?;
        self.adam_g.step(&loss.backward()?)?;
        Ok(loss.to_scalar()?)
    }

    fn images(&self) -> usize {
        16
    }

    fn macs(&self) -> f64 {
        let (first, d) = (&self.downs[0], &self.discriminator);
        let rest = self.downs[1..].iter().chain(&self.ups);
        first.train_macs(true)
            + rest.map(|net| net.train_macs(false)).sum::<f64>()
            + 2.0 * d.train_macs(true)
            + 2.0 * d.forward_macs()
    }
}

/// 32×32 のカラー、幅 16、残差ブロック 3 つ、8 枚ずつ。
struct CycleGan {
    generator_xy: Net,
    generator_yx: Net,
    discriminator_x: Net,
    discriminator_y: Net,
    adam_g: Adam,
    adam_d: Adam,
    x: Tensor,
    y: Tensor,
}

impl CycleGan {
    fn new() -> Result<Self> {
        let (g, d) = (VarMap::new(), VarMap::new());
        let (generator_xy, generator_yx) =
            (Self::generator(builder(&g).pp("xy"))?, Self::generator(builder(&g).pp("yx"))?);
        let (discriminator_x, discriminator_y) =
            (Self::discriminator(builder(&d).pp("x"))?, Self::discriminator(builder(&d).pp("y"))?);
        let (adam_g, adam_d) = (adam(&g, 2e-4, 0.5)?, adam(&d, 2e-4, 0.5)?);
        let (x, y) = (noise(1, &[8, 3, 32, 32])?, noise(2, &[8, 3, 32, 32])?);
        Ok(Self {
            generator_xy,
            generator_yx,
            discriminator_x,
            discriminator_y,
            adam_g,
            adam_d,
            x,
            y,
        })
    }

    fn generator(vb: VarBuilder<'static>) -> Result<Net> {
        let (w, relu) = (16, Activation::Relu);
        let mut net = Net::new([3, 32], vb).reflect(3).conv(w, plain(7, 1, 0))?.instance(relu)?;
        for width in [2 * w, 4 * w] {
            net = net.conv(width, plain(3, 2, 1))?.instance(relu)?;
        }
        for _ in 0..3 {
            net = net.residual(|net| {
                let net = net.reflect(1).conv(4 * w, plain(3, 1, 0))?.instance(relu)?;
                net.reflect(1).conv(4 * w, plain(3, 1, 0))?.instance(Activation::None)
            })?;
        }
        for width in [2 * w, w] {
            net = net
                .up(width, ConvConfig { output_padding: 1, ..plain(3, 2, 1) })?
                .instance(relu)?;
        }
        net.reflect(3).conv(3, conv(7, 1, 0, Activation::Tanh))
    }

    fn discriminator(vb: VarBuilder<'static>) -> Result<Net> {
        Net::new([3, 32], vb)
            .conv(16, conv(4, 2, 1, LEAKY))?
            .conv(32, plain(4, 2, 1))?
            .instance(LEAKY)?
            .conv(64, plain(4, 1, 1))?
            .instance(LEAKY)?
            .conv(1, conv(4, 1, 1, Activation::None))
    }
}

impl Step for CycleGan {
    fn step(&mut self) -> Result<f32> {
        let (fake_y, fake_x) =
            (self.generator_xy.forward(&self.x)?, self.generator_yx.forward(&self.y)?);
        let fooled = |d: &Net, fake: &Tensor| {
            Ok::<_, anyhow::Error>(nn::mse(&d.frozen().forward(fake)?, 1.0)?)
        };
        let adversarial =
            (fooled(&self.discriminator_y, &fake_y)? + fooled(&self.discriminator_x, &fake_x)?)?;
        let cycle_x = nn::l1(&self.generator_yx.forward(&fake_y)?, &self.x)?;
        let cycle_y = nn::l1(&self.generator_xy.forward(&fake_x)?, &self.y)?;
        let loss = (adversarial + (cycle_x + cycle_y)?.affine(10.0, 0.0)?)?;
        self.adam_g.step(&loss.backward()?)?;
        let judge = |d: &Net, real: &Tensor, fake: &Tensor| -> Result<Tensor> {
            let (real, fake) =
                (nn::mse(&d.forward(real)?, 1.0)?, nn::mse(&d.forward(&fake.detach())?, 0.0)?);
            Ok((real + fake)?.affine(0.5, 0.0)?)
        };
        let loss_d = (judge(&self.discriminator_x, &self.x, &fake_x)?
            + judge(&self.discriminator_y, &self.y, &fake_y)?)?;
        self.adam_d.step(&loss_d.backward()?)?;
        Ok(loss.to_scalar()?)
    }

    fn images(&self) -> usize {
        8
    }

    fn macs(&self) -> f64 {
        let (g, d) = (&self.generator_xy, &self.discriminator_x);
        2.0 * (g.train_macs(true)
            + g.train_macs(false)
            + 2.0 * d.forward_macs()
            + 2.0 * d.train_macs(true))
    }
}
