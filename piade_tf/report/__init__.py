"""What people look at: figures, heatmaps, contact sheets, the HTML report, TensorBoard and the terminal.

Takes finished numbers and images; nothing in here decides anything.
"""
