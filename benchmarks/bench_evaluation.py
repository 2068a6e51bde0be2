"""Evaluation against references in the same run.

    pytest benchmarks/bench_evaluation.py

Ten-fold verification with exact thresholds against the usual grid of 400; rank-1 among a million distractors against
the matrix product that it cannot do without.
"""

import resource
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cosface_edu.evaluation import identification, megaface, verify

PROBES, DISTRACTORS, DIMENSION = 3530, 1_000_000, 512


def grid_evaluator(scores, same, folds=10):
    """The evaluator in wide use: for each fold and each of 400 thresholds, true and false accepts and rejects."""

    def accuracy(threshold, scores, same):
        accepted = scores > threshold
        right = np.sum(np.logical_and(accepted, same))
        right += np.sum(np.logical_and(np.logical_not(accepted), np.logical_not(same)))
        return right / len(scores)

    thresholds = np.arange(-1.0, 1.0, 0.005)
    numbers = np.arange(len(scores)) * folds // len(scores)
    accuracies = []
    for fold in range(folds):
        others, own = numbers != fold, numbers == fold
        training, answers = scores[others], same[others]
        best = thresholds[np.argmax([accuracy(threshold, training, answers) for threshold in thresholds])]
        accuracies.append(accuracy(best, scores[own], same[own]))
    return float(np.mean(accuracies))


@pytest.mark.benchmark(timer=time.process_time)
def test_exact_ten_folds_against_a_grid(benchmark):
    """6,000 pairs, interleaved rounds; `times_faster` is grid / exact.

    Both run on one core, so processor time is compared: other programs cannot stretch the shorter of the two. A round
    is one run over the grid and then ten exact ones, which together are still much shorter.
    """
    rng = np.random.default_rng(0)
    same = np.tile(np.r_[np.ones(300, bool), np.zeros(300, bool)], 10)
    scores = np.clip(rng.normal(np.where(same, 0.6, 0.05), 0.15), -1, 1)
    reference = []

    def by_grid():
        start = time.process_time()
        grid_evaluator(scores, same)
        reference.append(time.process_time() - start)

    def exactly():
        return [verify(scores, same) for _ in range(10)]

    results = benchmark.pedantic(exactly, setup=by_grid, rounds=15, warmup_rounds=1)
    assert abs(results[0].accuracy - grid_evaluator(scores, same)) < 0.003
    once = benchmark.stats.stats.median / 10
    benchmark.extra_info["times_faster"] = np.median(reference) / once
    benchmark.extra_info["milliseconds"] = 1000 * once


@pytest.mark.benchmark(timer=time.process_time)
def test_rank_1_among_a_million(benchmark):
    """3,530 probes, 1,000,000 distractors of 512 numbers held in memory (2 GB); `ratio` is ours / bare product.

    Block by block the bare product is timed and then ours on the same block. One core and processor time, for the
    same reason as above: with two, the short steps would wait for whatever else runs and the long product would not.
    """
    unit = F.normalize(torch.randn(PROBES, DIMENSION), dim=1)
    distractors = torch.empty(DISTRACTORS, DIMENSION).uniform_(-1, 1)
    labels = torch.arange(PROBES) % 80
    memory = torch.empty(PROBES * identification.BLOCK)
    bare = 0.0

    def interleaved():
        nonlocal bare
        for block in distractors.split(identification.BLOCK):
            start = time.process_time()
            torch.mm(unit, block.T, out=memory[: PROBES * len(block)].view(PROBES, len(block)))
            bare += time.process_time() - start
            yield block

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        result = benchmark.pedantic(lambda: megaface(unit, labels, interleaved()), rounds=1, iterations=1)
    finally:
        torch.set_num_threads(threads)
    ours = benchmark.stats.stats.median - bare
    assert result.sizes == [DISTRACTORS]
    benchmark.extra_info["ratio"] = ours / bare
    benchmark.extra_info["seconds"] = ours
    benchmark.extra_info["peak_memory_GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
