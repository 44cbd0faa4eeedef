"""Training data of other projects, both ways: OpenThinkIMG's, ShareGPT's and the Hugging Face
hub's.

    from thinkimg_train.formats import import_rows

What is imported becomes a run's folder, like one that was recorded here.
"""
