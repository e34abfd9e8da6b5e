"""lesionkit finds lesions in medical images: from raw files to a scored, illustrated report.

Research use only; not a medical device.
"""

__version__ = "0.1.0"
