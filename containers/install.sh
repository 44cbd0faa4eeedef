#!/bin/sh
# Makes the virtual environment of an image: `install.sh cpu|slim FOLDER`, from the root of
# a checkout. PYTHON names the interpreter.
set -eu

case $1 in
    cpu) extra=serve,xds ;;
    slim) extra=models,xds ;;
    *) echo "install.sh: the environment is cpu or slim, not $1" >&2; exit 2 ;;
esac
folder=$2

"${PYTHON:-python3}" -m venv "$folder"
pip() { "$folder/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }
pip install ".[$extra]"

if [ "$1" = slim ]; then
    # Built against the PyTorch that is there, so it comes after it. Its CUDA extension
    # only fills holes in masks and would need a compiler.
    pip install setuptools wheel
    SAM2_BUILD_CUDA=0 pip install --no-build-isolation 'sam2>=1.1,<2'
fi

# rapidocr asks for the OpenCV that opens windows, which wants libGL. Both put their files
# into one folder, so both go before the right one comes again.
windowed=$(pip list --format=freeze | sed -n 's/^opencv-python==//p')
if [ -n "$windowed" ]; then
    pip uninstall --yes opencv-python opencv-python-headless
    pip install --no-deps "opencv-python-headless==$windowed"
fi

if [ "$1" = cpu ]; then
    # What nothing needs that runs here, 55 MB: tests, what converts models, and pip.
    for packages in "$folder"/lib/python3*/site-packages; do
        find "$packages" -type d -name tests -prune -exec rm -rf {} +
        rm -rf "$packages"/onnxruntime/quantization "$packages"/onnxruntime/tools \
            "$packages"/onnxruntime/transformers
    done
    pip uninstall --yes setuptools pip
fi
"$folder/bin/python" -c 'import cv2, thinkimg_workers'
