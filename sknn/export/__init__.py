"""Fitted estimators as ONNX graphs, for runtimes without torch and scikit-learn. A graph is not loaded back here."""

from sknn.export._to_onnx import to_onnx

__all__ = ["to_onnx"]
