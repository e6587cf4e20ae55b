"""The report on an evaluation: one HTML file that needs nothing else, its figures as JSON, every answer as CSV."""

from evaluation.report.about import About, FoldSize
from evaluation.report.pool_map import PoolMap, pool_map
from evaluation.report.writing import ReportFiles, write_report

__all__ = ["About", "FoldSize", "PoolMap", "ReportFiles", "pool_map", "write_report"]
