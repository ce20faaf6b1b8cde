"""Take photos in: from the folder that a camera uploads to into the library. Managed by hotshoe.

An upload is moved out of the camera's folder as soon as it begins, so that its name is free again.
When it has ended, it gets into the library if it is whole, and is set aside if it broke off.
"""
