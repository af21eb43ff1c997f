"""What measures an exported file has no TensorFlow: it starts at once, and its memory is the file's."""


def test_a_process_that_measures_a_file_imports_neither_tensorflow_nor_keras(python):
    code = "import sys, export.verification.verify\nprint(*{'tensorflow', 'keras'} & set(sys.modules))"
    assert python("-c", code).stdout.split() == []
