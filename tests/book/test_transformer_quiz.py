"""The numbers of the page `quiz`, computed again."""

import numpy as np

QUIZ = "transformer/quiz"


def test_question_1_the_loss_at_birth(says):
    says(QUIZ, f"$\\ln 50{{,}}000 = {np.log(50_000):.1f}$")
    assert np.log(50_000) < 27


def test_question_3_the_spread_of_the_scores(says):
    says(QUIZ, f"The scores have a spread of {256**0.5:.0f}.")


def test_question_8_operations_and_bytes(says):
    says(QUIZ, f"= {6 * 7e9 * 1.4e11 / 1e21:.1f} \\cdot 10^{{21}}$")
    says(QUIZ, f"(a) $6 \\cdot 10^{{21}}$ operations and {16 * 7:.0f} gigabytes.")
    assert round(2 * 7e9 * 1.4e11 / 1e21) == 2 and round(7e9 * 1.4e11 / 1e21) == 1
