"""同じ学習 1 歩を PyTorch で測り、この本の実装との比を出す。

準備:   python -m venv venv && venv/bin/pip install torch
使い方: venv/bin/python chapters/common/benches/pytorch.py                       PyTorch だけ
        venv/bin/python chapters/common/benches/pytorch.py --rust "cargo bench -q -p common --"
                                                                                交互に測って比を出す
形・手順・スレッド数・D の凍結は training.rs と同じで、Adam は fused=True。乱数を作る時間は含めない。
比は「この本の最短 / PyTorch の最短」で、1 より小さければこの本の方が速い。
"""

import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F

NAMES = ["vae", "mlp-gan", "dcgan", "pix2pix", "cyclegan"]


def noise(*shape):
    return torch.rand(*shape) * 2 - 1


def leaky():
    return nn.LeakyReLU(0.2, inplace=True)


def relu():
    return nn.ReLU(inplace=True)


def adam(parameters, lr=2e-4, beta1=0.5):
    return torch.optim.Adam(list(parameters), lr=lr, betas=(beta1, 0.999), fused=True)


def freeze(net, frozen):
    for p in net.parameters():
        p.requires_grad_(not frozen)


def update(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


class Vae:
    """784-400-20、128 枚。"""

    def __init__(self, wrap):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = nn.Sequential(nn.Linear(784, 400), relu())
                self.mean, self.log_var = nn.Linear(400, 20), nn.Linear(400, 20)
                self.decoder = nn.Sequential(nn.Linear(20, 400), relu(), nn.Linear(400, 784))

            def forward(self, x, noise):
                h = self.encoder(x)
                mean, log_var = self.mean(h), self.log_var(h)
                logits = self.decoder(mean + torch.exp(0.5 * log_var) * noise)
                loss = F.binary_cross_entropy_with_logits(logits, x) * 784
                return loss + (mean**2 + log_var.exp() - log_var - 1).sum() * (0.5 / 128)

        net = Net()
        self.net, self.adam = wrap(net), adam(net.parameters(), 1e-3, 0.9)
        self.x, self.noise = torch.rand(128, 784), noise(128, 20)

    def step(self):
        update(self.adam, self.net(self.x, self.noise))


class Gan:
    def __init__(self, wrap, g, d, real, z):
        self.g, self.d, self.frozen_d = wrap(g), wrap(d), d
        self.adam_g, self.adam_d = adam(g.parameters()), adam(d.parameters())
        self.real, self.z, self.bce = real, z, F.binary_cross_entropy_with_logits
        with torch.no_grad():
            shape = d(real).shape
        self.ones, self.zeros = torch.ones(shape), torch.zeros(shape)

    def step(self):
        fake = self.g(self.z)
        loss = self.bce(self.d(self.real), self.ones) + self.bce(self.d(fake.detach()), self.zeros)
        update(self.adam_d, loss)
        freeze(self.frozen_d, True)
        update(self.adam_g, self.bce(self.d(fake), self.ones))
        freeze(self.frozen_d, False)


def mlp_gan(wrap):
    g = nn.Sequential(nn.Linear(64, 256), leaky(), nn.Linear(256, 256), leaky(), nn.Linear(256, 784), nn.Tanh())
    d = nn.Sequential(nn.Linear(784, 256), leaky(), nn.Linear(256, 256), leaky(), nn.Linear(256, 1))
    return Gan(wrap, g, d, noise(128, 784), noise(128, 64))


def conv(i, o, k, s, p, bias=False):
    return nn.Conv2d(i, o, k, s, p, bias=bias)


def up(i, o, k, s, p, op=0, bias=False):
    return nn.ConvTranspose2d(i, o, k, s, p, op, bias=bias)


def batch(c, act):
    return nn.Sequential(nn.BatchNorm2d(c), act)


def instance(c, act):
    return nn.Sequential(nn.InstanceNorm2d(c), act)


def dcgan(wrap):
    w = 32
    g = nn.Sequential(
        up(64, 4 * w, 4, 1, 0), batch(4 * w, relu()),
        up(4 * w, 2 * w, 4, 2, 1), batch(2 * w, relu()),
        up(2 * w, w, 4, 2, 1), batch(w, relu()),
        up(w, 1, 4, 2, 1, bias=True), nn.Tanh(),
    )
    d = nn.Sequential(
        conv(1, w, 4, 2, 1, True), leaky(),
        conv(w, 2 * w, 4, 2, 1), batch(2 * w, leaky()),
        conv(2 * w, 4 * w, 4, 2, 1), batch(4 * w, leaky()),
        conv(4 * w, 1, 4, 1, 0, True),
    )
    return Gan(wrap, g, d, noise(64, 1, 32, 32), noise(64, 64, 1, 1))


class UNet(nn.Module):
    def __init__(self, w=32):
        super().__init__()
        widths = [w, 2 * w, 4 * w, 8 * w, 8 * w]
        self.downs, self.ups, c = nn.ModuleList(), nn.ModuleList(), 1
        for i, o in enumerate(widths):
            if i == 0:
                self.downs.append(nn.Sequential(conv(c, o, 4, 2, 1, True), nn.LeakyReLU(0.2)))
            elif i == 4:
                self.downs.append(nn.Sequential(conv(c, o, 4, 2, 1, True), nn.ReLU()))
            else:
                self.downs.append(nn.Sequential(conv(c, o, 4, 2, 1), batch(o, nn.LeakyReLU(0.2))))
            c = o
        for i, o in enumerate([8 * w, 4 * w, 2 * w, w, 1]):
            if i == 4:
                self.ups.append(nn.Sequential(up(c, o, 4, 2, 1, bias=True), nn.Tanh()))
            else:
                self.ups.append(nn.Sequential(up(c, o, 4, 2, 1), batch(o, relu())))
            c = o + (widths[3 - i] if i < 4 else 0)

    def forward(self, h):
        skips = []
        for down in self.downs:
            h = down(h)
            skips.append(h)
        skips.pop()
        for layer in self.ups:
            h = layer(h)
            if skips:
                h = torch.cat([h, skips.pop()], 1)
        return h


class Pix2Pix:
    """32×32 の白黒、幅 32、16 枚。"""

    def __init__(self, wrap):
        w, g = 32, UNet()
        d = nn.Sequential(
            conv(2, w, 4, 2, 1, True), leaky(),
            conv(w, 2 * w, 4, 2, 1), batch(2 * w, leaky()),
            conv(2 * w, 4 * w, 4, 1, 1), batch(4 * w, leaky()),
            conv(4 * w, 1, 4, 1, 1, True),
        )
        self.x, self.y, self.bce = noise(16, 1, 32, 32), noise(16, 1, 32, 32), F.binary_cross_entropy_with_logits
        with torch.no_grad():
            shape = d(torch.cat([self.x, self.y], 1)).shape
        self.ones, self.zeros = torch.ones(shape), torch.zeros(shape)
        self.g, self.d, self.frozen_d = wrap(g), wrap(d), d
        self.adam_g, self.adam_d = adam(g.parameters()), adam(d.parameters())

    def step(self):
        fake = self.g(self.x)
        pair = lambda y: torch.cat([self.x, y], 1)
        loss = self.bce(self.d(pair(self.y)), self.ones) + self.bce(self.d(pair(fake.detach())), self.zeros)
        update(self.adam_d, loss * 0.5)
        freeze(self.frozen_d, True)
        update(self.adam_g, self.bce(self.d(pair(fake)), self.ones) + 100 * F.l1_loss(fake, self.y))
        freeze(self.frozen_d, False)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.f = nn.Sequential(
            nn.ReflectionPad2d(1), conv(c, c, 3, 1, 0), instance(c, relu()),
            nn.ReflectionPad2d(1), conv(c, c, 3, 1, 0), nn.InstanceNorm2d(c),
        )

    def forward(self, x):
        return x + self.f(x)


class CycleGan:
    """32×32 のカラー、幅 16、残差ブロック 3 つ、8 枚ずつ。"""

    def __init__(self, wrap):
        def generator(w=16):
            return nn.Sequential(
                nn.ReflectionPad2d(3), conv(3, w, 7, 1, 0), instance(w, relu()),
                conv(w, 2 * w, 3, 2, 1), instance(2 * w, relu()),
                conv(2 * w, 4 * w, 3, 2, 1), instance(4 * w, relu()),
                Residual(4 * w), Residual(4 * w), Residual(4 * w),
                up(4 * w, 2 * w, 3, 2, 1, 1), instance(2 * w, relu()),
                up(2 * w, w, 3, 2, 1, 1), instance(w, relu()),
                nn.ReflectionPad2d(3), conv(w, 3, 7, 1, 0, True), nn.Tanh(),
            )

        def discriminator():
            return nn.Sequential(
                conv(3, 16, 4, 2, 1, True), leaky(),
                conv(16, 32, 4, 2, 1), instance(32, leaky()),
                conv(32, 64, 4, 1, 1), instance(64, leaky()),
                conv(64, 1, 4, 1, 1, True),
            )

        g, d = [generator(), generator()], [discriminator(), discriminator()]
        self.x, self.y = noise(8, 3, 32, 32), noise(8, 3, 32, 32)
        with torch.no_grad():
            shape = d[0](self.x).shape
        self.ones, self.zeros = torch.ones(shape), torch.zeros(shape)
        self.xy, self.yx, self.dx, self.dy = map(wrap, g + d)
        self.frozen_d = nn.ModuleList(d)
        self.adam_g = adam(nn.ModuleList(g).parameters())
        self.adam_d = adam(self.frozen_d.parameters())

    def step(self):
        freeze(self.frozen_d, True)
        fake_y, fake_x = self.xy(self.x), self.yx(self.y)
        loss = F.mse_loss(self.dy(fake_y), self.ones) + F.mse_loss(self.dx(fake_x), self.ones)
        cycle = F.l1_loss(self.yx(fake_y), self.x) + F.l1_loss(self.xy(fake_x), self.y)
        update(self.adam_g, loss + 10 * cycle)
        freeze(self.frozen_d, False)
        judge = lambda d, real, fake: 0.5 * (
            F.mse_loss(d(real), self.ones) + F.mse_loss(d(fake.detach()), self.zeros)
        )
        update(self.adam_d, judge(self.dx, self.x, fake_x) + judge(self.dy, self.y, fake_y))


MODELS = {"vae": Vae, "mlp-gan": mlp_gan, "dcgan": dcgan, "pix2pix": Pix2Pix, "cyclegan": CycleGan}


def measure(model, seconds):
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < 10:
        begin = time.perf_counter()
        model.step()
        times.append(time.perf_counter() - begin)
    return min(times) * 1e3, statistics.median(times) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=NAMES, help=" ".join(NAMES))
    parser.add_argument("--rust", help="この本の実装を測るコマンド (モデル名と --json を足して呼ぶ)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=int(os.environ.get("RAYON_NUM_THREADS", os.cpu_count())))
    parser.add_argument("--modes", default="eager,compile")
    parser.add_argument("--record", help="本の付録が引用する run.json (--rust と両方の --modes が要る)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    # 凍結した D とそうでない D など、同じ部品でも条件ごとに別々にコンパイルされる。既定の 8 通りでは足りない。
    torch._dynamo.config.recompile_limit = 64
    print(f"PyTorch {torch.__version__}、{args.threads} スレッド、{args.rounds} 回のうち最短 (ms)")

    wraps = {"eager": lambda net: net, "compile": torch.compile}
    modes = args.modes.split(",")
    columns = modes + (["rust"] if args.rust else [])
    print(f"{'':<10}" + "".join(f"{c:>10}" for c in columns) + (f"{'比':>10}" if args.rust else ""))
    results = conditions(args) if args.record else {}
    for name in args.models:
        models = {}
        for mode in modes:
            torch.manual_seed(0)
            models[mode] = MODELS[name](wraps[mode])
            for _ in range(5):
                models[mode].step()
        best, rounds = dict.fromkeys(columns, float("inf")), []
        for _ in range(args.rounds):
            now = {mode: measure(model, args.seconds)[0] for mode, model in models.items()}
            if args.rust:
                environment = dict(os.environ, RAYON_NUM_THREADS=str(args.threads))
                command = shlex.split(args.rust) + [name, "--json"]
                run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                now["rust"] = json.loads(run.stdout)["best_ms"]
                rounds.append(now["rust"] / min(now[mode] for mode in modes))
            best = {c: min(best[c], now[c]) for c in columns}
        line = f"{name:<10}" + "".join(f"{best[c]:>10.2f}" for c in columns)
        if args.rust:
            ratio = best["rust"] / min(best[mode] for mode in modes)
            line += f"{ratio:>10.2f}   各回: " + " ".join(f"{r:.2f}" for r in rounds)
        print(line, flush=True)
        if args.record:
            results.update({f"{name}.{c}_ms": f"{best[c]:.1f}" for c in columns})
            results.update({f"{name}.ratio_{mode}": f"{best['rust'] / best[mode]:.2f}" for mode in modes})
    if args.record:
        with open(args.record, "w", encoding="utf-8") as file:
            run = {"fingerprint": "", "configs": {}, "results": results}
            file.write(json.dumps(run, ensure_ascii=False, indent=2) + "\n")


def conditions(args):
    """何の上で測ったか。ほかの機械の値と比べられるように残す。"""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    with open("Cargo.lock", encoding="utf-8") as file:
        candle = re.search(r'name = "candle-core"\nversion = "(.+)"', file.read()).group(1)
    table = subprocess.run(shlex.split(args.rust) + ["mlp-gan"], check=True, capture_output=True, text=True).stdout
    return {
        "machine": f"{cpu}、{os.cpu_count()} コア",
        "date": time.strftime("%Y-%m-%d"),
        "torch": torch.__version__,
        "candle": candle,
        "threads": str(args.threads),
        "peak_gflops": re.search(r"(\d+) GFLOP/s", table).group(1),
    }


if __name__ == "__main__":
    main()
