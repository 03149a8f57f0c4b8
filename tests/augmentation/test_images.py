"""Pictures after each augmentation, pixel by pixel."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from helpers import seeded
from sknn.augmentation import (
    Augment,
    Brightness,
    CutOut,
    HorizontalFlip,
    RandomCrop,
    Rotate,
    Scale,
    Translate,
    VerticalFlip,
)

SHAPES = [(3, 6, 6), (3, 7, 7), (2, 3, 5, 5), (2, 3, 8, 8)]


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) + 0.5


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def looked_up(image, matrix, shift=(0.0, 0.0)):
    """SciPy's bilinear look-up of the pixels at matrix · (row, column) + shift, from the centre."""
    centre = (np.array(image.shape) - 1) / 2
    offset = centre + np.array(shift) - np.array(matrix) @ centre
    out = ndimage.affine_transform(image.numpy(), matrix, offset, order=1, mode="grid-constant")
    return torch.from_numpy(out)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quarters", [-1, 0, 1, 2, 3])
def test_rotate_by_quarters_is_rot90(shape, quarters):
    x = images(*shape)
    close(Rotate((90 * quarters, 90 * quarters))(x), torch.rot90(x, quarters, (-2, -1)))


@pytest.mark.parametrize("shape", [(3, 4, 7), (3, 5, 8), (2, 3, 9, 5)])
def test_rotate_by_half_a_turn_of_images_that_are_not_square(shape):
    x = images(*shape)
    close(Rotate((180, 180))(x), x.flip(-1, -2))


@pytest.mark.parametrize("shape", [(9, 9), (8, 13)])
@pytest.mark.parametrize("degrees", [17.0, -40.0, 90.0])
def test_rotate_is_scipys_bilinear_rotation(shape, degrees):
    image = images(*shape)
    expected = ndimage.rotate(image.numpy(), degrees, reshape=False, order=1, mode="grid-constant")
    close(Rotate((degrees, degrees))(image.unsqueeze(0))[0], torch.from_numpy(expected))


def test_rotate_draws_an_angle_for_each_image_from_its_span():
    x = torch.zeros(400, 41, 41)
    x[:, 20, 40] = 1  # a dot at the right edge
    turned = Rotate(30)(x, seeded()).flatten(1)
    row, column = np.divmod(turned.argmax(1).numpy(), 41)
    degrees = np.rad2deg(np.arctan2(20 - row, column - 20))
    assert np.abs(degrees).max() < 32
    assert degrees.min() < -27
    assert degrees.max() > 27
    assert abs(degrees.mean()) < 3


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 3, 4, 8)])
def test_translate_by_whole_pixels_is_a_shift_to_the_right_and_down(shape):
    x = images(*shape)
    down, right = shape[-2] // 4, shape[-1] // 4
    expected = torch.zeros_like(x)
    expected[..., down:, right:] = x[..., :-down, :-right]
    close(Translate((0.25, 0.25))(x), expected)
    close(Translate((-0.25, -0.25))(x.flip(-1, -2)), expected.flip(-1, -2))


def test_translate_draws_both_directions_apart():
    x = torch.zeros(300, 21, 41)
    x[:, 10, 20] = 1
    total = Translate(0.2)(x, seeded())
    weight = total / total.sum((1, 2), keepdim=True)
    down = (weight.sum(2) * torch.arange(21.0)).sum(1) - 10
    right = (weight.sum(1) * torch.arange(41.0)).sum(1) - 20
    assert 0.2 * 21 - 0.2 < down.abs().max() < 0.2 * 21 + 1e-3
    assert 0.2 * 41 - 0.4 < right.abs().max() < 0.2 * 41 + 1e-3
    assert abs(torch.corrcoef(torch.stack([down, right]))[0, 1]) < 0.2


def test_scale_by_two_of_a_image_by_hand():
    # Twice as large: pixels are looked up at 0.75, 1.25, 1.75 and 2.25 of each axis.
    row = torch.tensor([0.0, 4.0, 8.0, 0.0])
    expected = torch.tensor([3.0, 5.0, 7.0, 6.0])
    close(Scale((2, 2))(row.expand(1, 4, 4))[0], expected.expand(4, 4))
    close(Scale((2, 2))(row.view(4, 1).expand(1, 4, 4))[0], expected.view(4, 1).expand(4, 4))


def test_scale_by_half_leaves_zeros_around():
    shrunk = Scale((0.5, 0.5))(torch.ones(1, 8, 12))[0]
    expected = torch.zeros(8, 12)
    expected[2:6, 3:9] = 1
    close(shrunk, expected)


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_scale_is_scipys_bilinear_scaling(factor):
    image = images(7, 10)
    close(Scale((factor, factor))(image.unsqueeze(0))[0], looked_up(image, np.eye(2) / factor))


def test_scale_draws_a_factor_for_each_image_from_its_span():
    small = Scale((0.5, 0.7))(torch.ones(300, 40, 40), seeded()).sum((1, 2)).div(1600).sqrt()
    assert 0.5 <= small.min() + 0.01 < 0.53
    assert 0.68 < small.max() < 0.71


@pytest.mark.parametrize("shape", [(4, 6, 6), (4, 2, 5, 8)])
def test_affine_steps_in_a_row_are_one_map_equal_to_one_after_the_other(shape):
    x = torch.zeros(shape)
    x[..., 2:4, 2:4] = images(*shape)[..., 2:4, 2:4]  # far enough from the edge that nothing is lost on the way
    turns = 90 if shape[-1] == shape[-2] else 180
    steps = [Rotate((turns, turns)), Translate((1 / shape[-1], 1 / shape[-1])), Rotate((180, 180))]
    merged = Augment(steps, seed=0)
    assert len(merged._steps) == 1
    expected = x
    for step in steps:
        expected = step(expected)
    close(merged({"x_num": x})[0]["x_num"], expected)


@pytest.mark.parametrize("shape", [(9, 9), (8, 13)])
def test_merged_maps_are_applied_in_the_order_of_the_list(shape):
    image = images(*shape)
    angle, factor, fraction = np.deg2rad(25), 1.2, 0.1
    merged = Augment([Rotate((25, 25)), Scale((factor, factor)), Translate((fraction, fraction))], seed=0)
    got = merged({"x_num": image.unsqueeze(0)})[0]["x_num"][0]
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / factor  # of (row, column)
    close(got, looked_up(image, back, shift=-back @ (fraction * np.array(shape))))


def test_autocast_does_not_blur_the_places_of_pixels():
    x, steps = images(3, 28, 28), [Rotate(), Translate()]
    expected = Augment(steps, seed=0)({"x_num": x}, seeded())[0]["x_num"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = Augment(steps, seed=0)({"x_num": x}, seeded())[0]["x_num"]
    assert torch.equal(got, expected)


def test_other_steps_part_affine_ones():
    steps = [Rotate(), Scale(), HorizontalFlip(), Translate()]
    assert len(Augment(steps, seed=0)._steps) == 3


@pytest.mark.parametrize("shape", [(300, 5, 5), (300, 2, 4, 6)])
def test_random_crop_is_one_of_the_possible_crops_and_each_occurs(shape):
    x = images(*shape)
    height, width = shape[-2:]
    cropped = RandomCrop(padding=1)(x, seeded())
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    places = torch.zeros(len(x), 3, 3, dtype=torch.bool)
    for top in range(3):
        for left in range(3):
            crop = padded[..., top : top + height, left : left + width]
            places[:, top, left] = (cropped == crop).flatten(1).all(1)
    assert (places.flatten(1).sum(1) == 1).all()
    assert (places.sum(0) > 15).all()


def test_random_crop_without_padding_changes_nothing():
    x = images(3, 4, 4)
    assert torch.equal(RandomCrop(0)(x), x)


@pytest.mark.parametrize(("flip", "axis"), [(HorizontalFlip, -1), (VerticalFlip, -2)])
def test_flips_with_their_probability(flip, axis):
    x = images(1000, 2, 3, 4)
    assert torch.equal(flip(1)(x), x.flip(axis))
    assert torch.equal(flip(0)(x), x)
    flipped = (flip(0.3)(x, seeded()) == x.flip(axis)).flatten(1).all(1)
    kept = (flip(0.3)(x, seeded()) == x).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert 250 < flipped.sum() < 350


def test_brightness_adds_one_number_to_a_whole_image():
    x = images(500, 3, 4, 4)
    added = (Brightness(0.2)(x, seeded()) - x).flatten(1)
    close(added, added[:, :1].expand_as(added))
    assert added[:, 0].abs().max() <= 0.2 + 1e-6
    assert added[:, 0].min() < -0.19
    assert added[:, 0].max() > 0.19
    close(Brightness((0.5, 0.5))(x), x + 0.5)


@pytest.mark.parametrize(("height", "width", "size"), [(6, 6, 3), (4, 9, 4), (5, 5, 1)])
def test_cut_out_sets_exactly_a_square_to_zero(height, width, size):
    x = images(500, 2, height, width)
    cut = CutOut(size)(x, seeded())
    zero = cut == 0
    assert torch.equal(cut[~zero], x[~zero])
    assert torch.equal(zero[:, 0], zero[:, 1])
    assert (zero[:, 0].sum((1, 2)) == size**2).all()
    assert (zero[:, 0].any(2).sum(1) == size).all()
    assert (zero[:, 0].any(1).sum(1) == size).all()
    first = zero[:, 0].flatten(1).to(torch.int).argmax(1)
    assert first.unique().numel() == (height - size + 1) * (width - size + 1)


def test_cut_out_larger_than_the_images_is_refused():
    with pytest.raises(ValueError, match=r"at most the height and width .* 4 × 8 pixels\. Got 5 instead"):
        CutOut(5)(torch.ones(2, 4, 8))


STEPS = [
    Rotate(),
    Translate(),
    Scale(),
    RandomCrop(),
    HorizontalFlip(),
    VerticalFlip(),
    Brightness(),
    CutOut(),
]


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_grey_images_are_images_with_one_channel(step):
    x = images(20, 6, 8)
    got = step(x, seeded())
    assert got.shape == x.shape
    assert not torch.equal(got, x)
    assert torch.equal(got, step(x.unsqueeze(1), seeded()).squeeze(1))


@pytest.mark.parametrize("step", STEPS, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_channels_of_a_image_change_alike_and_keep_their_dtype(step, dtype):
    x = images(20, 1, 6, 8).to(dtype)
    got = step(x.expand(20, 3, 6, 8), seeded())
    assert got.dtype == dtype
    assert torch.equal(got[:, 0], got[:, 1])
    torch.testing.assert_close(got[:, 0], step(x, seeded())[:, 0])


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_images_of_any_layout_in_memory(step):
    x = images(20, 3, 6, 8)
    got = step(x.to(memory_format=torch.channels_last), seeded())
    torch.testing.assert_close(got, step(x, seeded()))


@pytest.mark.parametrize(("shape", "shown"), [((4, 7), r"\(n, 7\)"), ((4, 2, 3, 4, 5), r"\(n, 2, 3, 4, 5\)")])
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_rows_that_are_no_images_are_refused(step, shape, shown):
    message = rf"{type(step).__name__} needs images, .*\(n, height, width\).*shape {shown}"
    with pytest.raises(ValueError, match=message):
        step(torch.zeros(shape))


def test_the_error_of_merged_steps_names_the_first():
    with pytest.raises(ValueError, match="Rotate needs images"):
        Augment([Rotate(), Scale()], seed=0)({"x_num": torch.zeros(4, 7)})
