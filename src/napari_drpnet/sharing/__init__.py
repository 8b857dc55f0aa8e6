"""Networks for other programs: an ONNX file, or a package of the BioImage Model Zoo."""
