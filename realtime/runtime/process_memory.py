"""The peak memory of the process."""

import sys

__all__ = ["peak_rss_mb"]

if sys.platform == "win32":

    def peak_rss_mb() -> float | None:
        """Peak resident memory of this process in MB (1e6 bytes); None where the system does not say."""
        return None

else:
    import resource

    def peak_rss_mb() -> float | None:
        """Peak resident memory of this process in MB (1e6 bytes); None where the system does not say."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
