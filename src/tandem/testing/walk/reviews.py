"""What was set back, copied or moved, as acts of a walk: the organisation, or the subscription's database (S9, S10)."""

from tandem.testing.walk.scene import Scene


def save_there(scene: Scene, _one: int, _two: int) -> None:
    scene.world.back_up()


def set_back_there(scene: Scene, _one: int, two: int) -> None:
    """The organisation is what it was when it was saved, or a copy of that, and linked again."""
    scene.restart()
    scene.world.restore()
    if two % 2:
        scene.world.become_a_copy()
    scene.note_set_back_there()
    scene.world.relink()
    scene.counts["relinks"] += 1


def copy_there(scene: Scene, _one: int, _two: int) -> None:
    """A copy of the organisation takes its place."""
    scene.restart()
    scene.world.become_a_copy()
    scene.note_set_back_there()
    scene.world.relink()
    scene.counts["relinks"] += 1


def save_here(scene: Scene, _one: int, _two: int) -> None:
    scene.saved.unlink(missing_ok=True)
    scene.world.save(scene.saved)
    scene.saved_before = False


def set_back_here(scene: Scene, _one: int, _two: int) -> None:
    """The database is put back as it was saved, and adopted; one that was not saved is adopted as it is, as after a
    move."""
    if not scene.saved.exists():
        save_here(scene, 0, 0)
    scene.restart()
    # Somebody notices the damage, and fetches the backup.
    scene.world.clock.advance(minutes=1)
    scene.world.put_back(scene.saved)
    if scene.saved_before:
        # What it remembers is of the organisation as it was before that one was set back: the next cycle would say so.
        scene.world.relink()
    scene.note_set_back_here()
    scene.counts["adoptions"] += 1
