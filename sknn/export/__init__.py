"""Fitted estimators as ONNX graphs, for runtimes without Python, torch and scikit-learn. Saving for sknn is not done here."""

from sknn.export._to_onnx import to_onnx

__all__ = ["to_onnx"]
