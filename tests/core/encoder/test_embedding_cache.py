from __future__ import annotations

import numpy as np

from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane, EmbeddingCache, fingerprint


def plane(size=10):
    return EmbeddedPlane(np.zeros((1, size, 1), np.float32), np.zeros((size, 1), np.uint8))


def test_those_used_last_are_kept():
    cache = EmbeddingCache(budget=80)
    for key in "ab":
        cache.put(key, plane())
    assert cache.get("a") is not None
    cache.put("c", plane())
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]


def test_a_single_one_is_kept_however_large():
    cache = EmbeddingCache(budget=1)
    cache.put("a", plane())
    assert cache.get("a") is not None


def test_they_go_with_another_encoder():
    cache = EmbeddingCache()
    cache.belong_to("one")
    cache.put("a", plane())
    cache.belong_to("one")
    assert cache.get("a") is not None
    cache.belong_to("other")
    assert cache.get("a") is None


def test_a_fingerprint_tells_pixels_from_others():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    same = np.repeat(pixels, 2, axis=0)[::2]
    assert fingerprint(pixels) == fingerprint(same)
    edited = pixels.copy()
    edited[1, 1] += 1
    others = [edited, pixels.reshape(4, 3), pixels.astype(np.int8), pixels.T]
    assert len({fingerprint(other) for other in [pixels, *others]}) == 5
