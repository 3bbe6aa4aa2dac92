"""A photo that moves as a performer does: the performer's motion since rest, laid on the photo's own face.

motion = relative(performer, rest)      the head's turn, the bent face, lids, gaze
places = rig.moved(motion)              where the photo's points go: the mesh, and rings around it
bends = field(places)                   what each pixel shows
picture = stage.draw(bends, ...)        the photo bent, with a mouth inside and folds
"""
