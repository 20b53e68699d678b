"""Times PyTorch on the shapes of `mirscope bench --record`: eager, f32, TF32 off.

    python3 torch_times.py torch.json [SECONDS]

Entries have the groups and names of mirscope's record. On the first CUDA device, else on the CPU; what
would take the run beyond SECONDS is left out, by name.
"""

import json
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from torch_models import Decoder, random_weight

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")
torch.set_grad_enabled(False)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RUNS = 5

def sizes(hidden, inner, layers, heads, kv_heads, vocab):
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocab,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e4,
    }


DECODERS = {
    "SmolLM2-135M-sized decoder": sizes(576, 1536, 30, 9, 3, 49152),
    "1.1B-sized decoder": sizes(2048, 5632, 22, 32, 4, 32000),
}


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def times(function):
    """Median, fastest, slowest seconds and the number of runs; short calls are repeated."""

    def run(repeats):
        wait()
        start = time.perf_counter()
        for _ in range(repeats):
            function()
        wait()
        return (time.perf_counter() - start) / repeats

    run(1)
    once = run(1)
    repeats = max(1, min(200, int(0.05 / max(once, 1e-6))))
    runs = max(1, min(RUNS, int(2 / max(once, 1e-9))))
    all_runs = [run(repeats) for _ in range(runs)]
    return statistics.median(all_runs), min(all_runs), max(all_runs), runs


class Record:
    def __init__(self, budget):
        self.start, self.budget, self.speed = time.perf_counter(), budget, None
        self.entries, self.left_out = [], []

    def add(self, group, name, flops, make, tokens=None):
        """`make` gives what is timed; it may hold tensors only while it is timed."""
        elapsed = time.perf_counter() - self.start
        estimate = 4 * flops / (self.speed or (5e12 if DEVICE == "cuda" else 2e10))
        if elapsed + estimate > self.budget:
            reason = f"would take about {estimate:.0f} s here, {max(0, self.budget - elapsed):.0f} s were left"
            self.left_out.append({"name": f"{group}: {name}", "reason": reason})
            return
        print(f"{elapsed:7.1f} s  {group}: {name}", file=sys.stderr, flush=True)
        try:
            median, fastest, slowest, runs = times(make())
        except Exception as error:  # out of memory, for one: the next may fit
            self.left_out.append({"name": f"{group}: {name}", "reason": str(error).splitlines()[0]})
            return
        finally:
            if DEVICE == "cuda":
                torch.cuda.empty_cache()
        if group == "matmul" and flops > 1e8:
            self.speed = flops / median
        entry = {
            "group": group,
            "name": name,
            "runs": runs,
            "seconds": median,
            "fastest": fastest,
            "slowest": slowest,
            "flops": flops,
            "gflops": flops / median / 1e9,
        }
        if tokens:
            entry |= {"tokens": tokens, "tokens_per_second": tokens / median}
        self.entries.append(entry)


def matmul(record, group, m, n, k):
    def make():
        a, b = torch.randn(m, k, device=DEVICE), torch.randn(n, k, device=DEVICE)
        return lambda: F.linear(a, b)

    record.add(group, f"{m} x {k} x {n}, f32", 2 * m * n * k, make)


def attention(record, tokens, heads, kv_heads):
    def make():
        q = torch.randn(1, heads, tokens, 64, device=DEVICE)
        k, v = (torch.randn(1, kv_heads, tokens, 64, device=DEVICE) for _ in "kv")
        # Eager models repeat keys and values for grouped queries.
        groups = heads // kv_heads
        return lambda: F.scaled_dot_product_attention(
            q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1), is_causal=True
        )

    name = f"{tokens} tokens, {heads} heads on {kv_heads} of 64, causal"
    record.add("attention", name, 2 * tokens * tokens * heads * 64, make)


def prefill(record, name):
    sizes = DECODERS[name]
    hidden, vocab = sizes["hidden_size"], sizes["vocab_size"]
    width = hidden // sizes["num_attention_heads"]
    heads = sizes["num_attention_heads"] + sizes["num_key_value_heads"]
    layer = 2 * hidden * heads * width + 3 * hidden * sizes["intermediate_size"]
    weights = sizes["num_hidden_layers"] * layer
    model = None
    for tokens in (64, 256, 1024):

        def make():
            nonlocal model
            model = model or Decoder(sizes, random_weight(DEVICE))
            ids = torch.randint(2, vocab, (tokens,), device=DEVICE)
            return lambda: model(ids)

        record.add("prefill", f"{name}, {tokens} tokens", 2 * weights * tokens, make, tokens)


def main():
    target, budget = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    record = Record(budget)
    for side in (256, 512, 1024):
        matmul(record, "matmul", side, side, side)
    for side in (1024, 4096, 8192):
        matmul(record, "matvec", 1, side, side)
    for tokens in (64, 256, 1024):
        attention(record, tokens, 9, 3)
        attention(record, tokens, 32, 4)
    prefill(record, "SmolLM2-135M-sized decoder")
    for k, n in ((576, 1536), (1536, 576), (2048, 5632), (5632, 2048)):
        matmul(record, "matmul", 1024, n, k)
    for side in (2048, 4096, 8192):
        matmul(record, "matmul", side, side, side)
    attention(record, 4096, 9, 3)
    attention(record, 4096, 32, 4)
    prefill(record, "1.1B-sized decoder")
    result = {
        "schema": 1,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if DEVICE == "cuda" else None,
        "device": torch.cuda.get_device_name(0) if DEVICE == "cuda" else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "precision": "f32, TF32 off, eager",
        "entries": record.entries,
        "left_out": record.left_out,
        "seconds": time.perf_counter() - record.start,
    }
    with open(target, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    print(f"wrote {target}: {len(record.entries)} entries", file=sys.stderr)


main()
