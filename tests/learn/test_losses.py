import torch

from lesionkit.learn.losses import detection_loss


def maps(batch=1, cells=4):
    heat = torch.zeros(batch, cells, cells, cells)
    regression = torch.zeros(batch, 4, cells, cells, cells)
    nowhere = torch.zeros(batch, cells, cells, cells, dtype=torch.bool)
    return heat, regression, nowhere


def test_a_sure_and_right_belief_costs_almost_nothing():
    heat, regression, nowhere = maps()
    heat[0, 1, 1, 1] = 1
    inside = heat == 1
    output = torch.full((1, 5, 4, 4, 4), -12.0)
    output[0, 1:] = 0
    output[0, 0, 1, 1, 1] = 12
    assert detection_loss(output, heat, regression, inside, nowhere).total < 1e-4


def test_a_missed_lesion_costs_its_negative_logarithm():
    heat, regression, nowhere = maps()
    heat[0, 1, 1, 1] = 1
    output = torch.full((1, 5, 4, 4, 4), -12.0)
    output[0, 1:] = 0
    torch.testing.assert_close(
        detection_loss(output, heat, regression, nowhere, nowhere).heat, torch.tensor(12.0), atol=0.01, rtol=0
    )


def test_ignored_cells_cost_nothing():
    heat, regression, nowhere = maps()
    output = torch.full((1, 5, 4, 4, 4), 5.0)
    assert detection_loss(output, heat, regression, nowhere, ~nowhere).heat == 0


def test_belief_next_to_a_lesion_is_punished_less_than_far_away():
    heat, regression, nowhere = maps()
    heat[0, 1, 1, 1], heat[0, 1, 1, 2] = 1, 0.8
    near, far = torch.full((1, 5, 4, 4, 4), -12.0), torch.full((1, 5, 4, 4, 4), -12.0)
    near[0, 0, 1, 1, 2], far[0, 0, 3, 3, 3] = 3, 3
    near_loss, far_loss = (detection_loss(o, heat, regression, nowhere, nowhere).heat for o in (near, far))
    assert near_loss < far_loss


def test_offset_and_diameter_count_only_inside():
    heat, regression, nowhere = maps()
    output = torch.zeros(1, 5, 4, 4, 4)
    output[:, 1:] = 1
    inside = nowhere.clone()
    assert detection_loss(output, heat, regression, inside, nowhere).offset == 0
    inside[0, 0, 0, 0] = True
    # Smooth L1 with beta 0.2 at distance 1 is 0.9.
    torch.testing.assert_close(detection_loss(output, heat, regression, inside, nowhere).offset, torch.tensor(0.9))
