import numpy as np

from genomics.quality_verdicts import robust_deviation


def test_robust_deviation__alike_or_missing():
    assert robust_deviation(np.full(5, 0.3)).tolist() == [0.0] * 5
    assert np.isnan(robust_deviation(np.full(3, np.nan))).all()
