"""Known answers to the exercise on momentum: wrong ones with what to say about them, and correct variations."""

import numpy as np

from autograder.bank import Bank

bank = Bank("momentum")


# 1 · heavy_ball_step


@bank.mistake(
    "ball-climbs",
    says="Your step goes along the velocity, which points uphill like the gradients it is made of; subtract it.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + g
    return w + lr * v, v


@bank.mistake(
    "ball-dampened",
    says="You let only the share 1 - beta of the gradient into the velocity. That is another form, a mean of past "
    "gradients; here the whole gradient enters.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
    reference="The form of Ng's Deep Learning Specialization, and of PyTorch's SGD with dampening equal to momentum.",
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + (1 - beta) * g
    return w - lr * v, v


@bank.mistake(
    "ball-beta-on-the-gradient",
    says="Your beta stands on the gradient, so the velocity itself is never forgotten; beta belongs to the old "
    "velocity.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = v + beta * g
    return w - lr * v, v


@bank.mistake(
    "ball-beta-on-both",
    says="You multiply the sum of velocity and gradient by beta; only the old velocity is multiplied.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * (v + g)
    return w - lr * v, v


@bank.mistake(
    "ball-moves-by-the-old-velocity",
    says="Your weights move by the velocity from before the step; work out the new velocity first and move by that.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    return w - lr * v, beta * v + g


@bank.mistake(
    "ball-momentum-twice",
    says="You apply momentum twice: the weights move by g + beta times the new velocity. Move by the new velocity "
    "itself.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
    reference="What PyTorch's SGD does with nesterov=True.",
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + g
    return w - lr * (g + beta * v), v


@bank.mistake(
    "ball-lr-in-the-velocity",
    says="You multiply the gradient by lr as it enters the velocity, and the step by nothing. The velocity is then lr "
    "times ours; here lr multiplies the velocity when the weights move.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + lr * g
    return w - v, v


@bank.mistake(
    "ball-sutskever",
    says="You use the form v = beta*v - lr*g; w = w + v. There v is the last move; here it is the sum of gradients, "
    "with the gradient's sign and without lr.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
    reference="Sutskever, Martens, Dahl and Hinton (2013), and CS231n's notes.",
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v - lr * g
    return w + v, v


@bank.mistake(
    "ball-lr-twice",
    says="Your learning rate is used twice, once on the gradient and once on the velocity; it belongs to the last "
    "line alone.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + lr * g
    return w - lr * v, v


@bank.mistake(
    "ball-without-memory",
    says="Your velocity is the gradient alone: nothing of the old velocity is kept.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    return w - lr * g, g.copy()


@bank.mistake(
    "ball-keeps-the-old-velocity",
    says="Your weights are right, but you return the velocity from before the step; the next step needs the new one.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    return w - lr * (beta * v + g), v


@bank.mistake(
    "ball-velocity-first",
    says="Your two results are right but in the wrong order: the weights come first, then the velocity.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + g
    return v, w - lr * v


@bank.mistake(
    "ball-velocity-in-place",
    says="Your numbers are right, but you update the caller's velocity in place; make a new array with v = beta*v + g.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v *= beta
    v += g
    return w - lr * v, v


@bank.mistake(
    "ball-weights-in-place",
    says="Your numbers are right, but you move the caller's weights in place; make a new array with w = w - lr*v.",
    fails=["heavy_ball_step_visible", "heavy_ball_step_hidden"],
)
def heavy_ball_step(w, v, g, lr, beta):
    v = beta * v + g
    w -= lr * v
    return w, v


@bank.variation("ball-written-out")
def heavy_ball_step(w, v, g, lr, beta):
    return w - lr * beta * v - lr * g, g + v * beta


@bank.variation("ball-coordinates")
def heavy_ball_step(w, v, g, lr, beta):
    new_w, new_v = np.empty(len(w)), np.empty(len(v))
    for i in range(len(w)):
        new_v[i] = beta * v[i] + g[i]
        new_w[i] = w[i] - lr * new_v[i]
    return new_w, new_v


@bank.variation("ball-last-move")
def heavy_ball_step(w, v, g, lr, beta):
    move = beta * (-lr * v) - lr * g
    return w + move, -move / lr


# 2 · nesterov_step


@bank.mistake(
    "nesterov-gradient-at-current-point",
    says="You read the gradient at w, which is heavy ball; Nesterov's gradient is read ahead, at w - lr*beta*v.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + grad(w)
    return w - lr * v, v


@bank.mistake(
    "nesterov-ahead-without-beta",
    says="You look ahead by lr*v; only the share beta of the velocity survives the step, so look ahead by lr*beta*v.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + grad(w - lr * v)
    return w - lr * v, v


@bank.mistake(
    "nesterov-ahead-without-lr",
    says="You look ahead by beta*v. In this form the velocity is a sum of gradients and moves the weights by lr times "
    "itself, so look ahead by lr*beta*v.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
    reference="Right in the form v = beta*v - lr*g of Sutskever and others (2013), from which it is copied.",
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + grad(w - beta * v)
    return w - lr * v, v


@bank.mistake(
    "nesterov-looks-back",
    says="You look back: the point ahead is w minus lr*beta*v, since the weights move against the velocity.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
    reference="The plus sign belongs to the form v = beta*v - lr*g; w = w + v.",
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + grad(w + lr * beta * v)
    return w - lr * v, v


@bank.mistake(
    "nesterov-momentum-twice",
    says="Your step starts from the point ahead, so the old velocity is applied twice; look there, but start from w.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    w = w - lr * beta * v
    v = beta * v + grad(w)
    return w - lr * v, v


@bank.mistake(
    "nesterov-pytorch-form",
    says="You use the form whose weights are the point ahead itself: gradient at w, then a move by g + beta*v. It is "
    "the same method in another variable; here w is the point without the look-ahead.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
    reference="PyTorch's SGD with nesterov=True; Bengio, Boulanger-Lewandowski and Pascanu (2013), section 3.5.",
)
def nesterov_step(w, v, grad, lr, beta):
    g = grad(w)
    v = beta * v + g
    return w - lr * (g + beta * v), v


@bank.mistake(
    "nesterov-last-move-too-much",
    says="The gradient is read at the right point, but the weights move by g + beta*v, the step of another form; "
    "move by the new velocity.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    g = grad(w - lr * beta * v)
    v = beta * v + g
    return w - lr * (g + beta * v), v


@bank.mistake(
    "nesterov-dampened",
    says="You let only the share 1 - beta of the gradient into the velocity; the whole gradient enters.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + (1 - beta) * grad(w - lr * beta * v)
    return w - lr * v, v


@bank.mistake(
    "nesterov-climbs",
    says="Your step goes along the velocity, which points uphill; subtract it.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + grad(w - lr * beta * v)
    return w + lr * v, v


@bank.mistake(
    "nesterov-looks-after-the-step",
    says="You take a heavy-ball step first and read the gradient where it lands, with two gradients a step; one is "
    "asked for, at the point to which the old velocity alone would lead.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    ahead = w - lr * (beta * v + grad(w))
    v = beta * v + grad(ahead)
    return w - lr * v, v


@bank.mistake(
    "nesterov-asks-twice",
    says="Your numbers are right, but you ask for the same gradient twice. A gradient is what a step costs: ask once "
    "and keep it.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    ahead = w - lr * beta * v
    return ahead - lr * grad(ahead), beta * v + grad(ahead)


@bank.mistake(
    "nesterov-returns-the-point-ahead",
    says="Your velocity is right, but you return the next point ahead instead of the weights.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    v = beta * v + grad(w - lr * beta * v)
    return w - lr * v - lr * beta * v, v


@bank.mistake(
    "nesterov-velocity-in-place",
    says="Your numbers are right, but you update the caller's velocity in place; make a new array.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    g = grad(w - lr * beta * v)
    v[:] = beta * v + g
    return w - lr * v, v.copy()


@bank.mistake(
    "nesterov-weights-in-place",
    says="Your numbers are right, but you move the caller's weights to the point ahead in place; make a new array.",
    fails=["nesterov_step_visible", "nesterov_step_hidden"],
)
def nesterov_step(w, v, grad, lr, beta):
    w -= lr * beta * v
    g = grad(w)
    return w - lr * g, beta * v + g


@bank.variation("nesterov-from-the-point-ahead")
def nesterov_step(w, v, grad, lr, beta):
    ahead = w - lr * beta * v
    g = grad(ahead)
    return ahead - lr * g, beta * v + g


@bank.variation("nesterov-last-move")
def nesterov_step(w, v, grad, lr, beta):
    carried = -lr * beta * v
    move = carried - lr * grad(w + carried)
    return w + move, -move / lr


# 3 · iteration_matrix


@bank.mistake(
    "matrix-old-velocity",
    says="Your first row moves w by the old velocity. The new one, beta*v + curvature*w, has to be put in, so lr "
    "enters both entries of that row.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1.0, -lr], [curvature, beta]])


@bank.mistake(
    "matrix-transposed",
    says="Your rows and columns are exchanged: the first row says what the new w is made of.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1 - lr * curvature, curvature], [-lr * beta, beta]], dtype=float)


@bank.mistake(
    "matrix-velocity-first",
    says="Your matrix acts on (v, w); here the position comes first.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
    reference="The order in Goh, Why Momentum Really Works (2017).",
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[beta, curvature], [-lr * beta, 1 - lr * curvature]], dtype=float)


@bank.mistake(
    "matrix-lost-beta",
    says="The entry that takes v to w has lost its beta: the old velocity is multiplied by beta before it moves w.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1 - lr * curvature, -lr], [curvature, beta]], dtype=float)


@bank.mistake(
    "matrix-climbs",
    says="Your first row adds the velocity; the weights move against it, so lr comes with a minus in both entries.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1 + lr * curvature, lr * beta], [curvature, beta]], dtype=float)


@bank.mistake(
    "matrix-sign-of-velocity",
    says="The entry that takes v to w has the wrong sign: a velocity carries w against itself, by -lr*beta*v.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1 - lr * curvature, lr * beta], [curvature, beta]], dtype=float)


@bank.mistake(
    "matrix-two-positions",
    says="Your matrix acts on this position and the one before; here the state is position and velocity.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
    reference="Polyak's two-point form (1964). Its eigenvalues are the same.",
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1 + beta - lr * curvature, -beta], [1.0, 0.0]])


@bank.mistake(
    "matrix-dampened",
    says="Your gradient enters with the share 1 - beta; in this form the whole gradient enters the velocity.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    c = (1 - beta) * curvature
    return np.array([[1 - lr * c, -lr * beta], [c, beta]], dtype=float)


@bank.mistake(
    "matrix-lr-in-the-velocity",
    says="Your velocity already contains lr; in this form lr multiplies it only when w moves.",
    fails=["iteration_matrix_visible", "iteration_matrix_hidden"],
)
def iteration_matrix(curvature, lr, beta):
    return np.array([[1 - lr * curvature, -beta], [lr * curvature, beta]], dtype=float)


@bank.variation("matrix-columns-from-steps")
def iteration_matrix(curvature, lr, beta):
    columns = []
    for w, v in ((1.0, 0.0), (0.0, 1.0)):
        v = beta * v + curvature * w
        columns.append([w - lr * v, v])
    return np.array(columns).T


@bank.variation("matrix-product")
def iteration_matrix(curvature, lr, beta):
    update_velocity = np.array([[1.0, 0.0], [curvature, beta]])
    move = np.array([[1.0, -lr], [0.0, 1.0]])
    return move @ update_velocity


# 4 · spectral_radius


@bank.mistake(
    "radius-real-part",
    says="You take the largest real part; an eigenvalue of -0.9 or 0.5i counts with its modulus.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.max(np.linalg.eigvals(matrix).real)


@bank.mistake(
    "radius-size-of-real-part",
    says="You take the largest size of a real part and drop the imaginary parts; np.abs of a complex number is its "
    "modulus.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.max(np.abs(np.linalg.eigvals(matrix).real))


@bank.mistake(
    "radius-norm",
    says="You return the spectral norm, the largest stretch of a single step; the spectral radius is about many steps "
    "and comes from the eigenvalues.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.linalg.norm(matrix, 2)


@bank.mistake(
    "radius-symmetric-solver",
    says="You use eigvalsh, which reads one half of the matrix and takes it for symmetric; this one is not.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.max(np.abs(np.linalg.eigvalsh(matrix)))


@bank.mistake(
    "radius-smallest",
    says="You return the smallest modulus; in the long run the largest is what is left.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.min(np.abs(np.linalg.eigvals(matrix)))


@bank.mistake(
    "radius-without-modulus",
    says="You return the largest eigenvalue without taking its modulus, so the answer may be complex or negative.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.max(np.linalg.eigvals(matrix))


@bank.mistake(
    "radius-from-the-determinant",
    says="You return the root of the determinant. For two complex eigenvalues that is their modulus; for two real ones "
    "it lies between them.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.sqrt(np.abs(np.linalg.det(matrix)))


@bank.mistake(
    "radius-first-eigenvalue",
    says="You return the modulus of the first eigenvalue; they come in no particular order.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)[0])


@bank.mistake(
    "radius-squared",
    says="You add the squares of real and imaginary part and leave out the root.",
    fails=["spectral_radius_visible", "spectral_radius_hidden"],
)
def spectral_radius(matrix):
    z = np.linalg.eigvals(matrix)
    return np.max(z.real**2 + z.imag**2)


@bank.variation("radius-loop")
def spectral_radius(matrix):
    largest = 0.0
    for z in np.linalg.eig(matrix)[0]:
        largest = max(largest, (z.real**2 + z.imag**2) ** 0.5)
    return largest


@bank.variation("radius-characteristic-polynomial")
def spectral_radius(matrix):
    roots = np.roots(np.poly(matrix))
    return float(np.max(np.abs(roots), initial=0.0))


# 5 · damping_regime


@bank.mistake(
    "regime-names-exchanged",
    says="Your overdamped and underdamped are exchanged: a negative discriminant means complex eigenvalues, and those "
    "swing.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    if max(abs(trace + root), abs(trace - root)) / 2 > 1 + 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "underdamped" if discriminant > 0 else "overdamped"


@bank.mistake(
    "regime-never-divergent",
    says="You never say divergent: an eigenvalue above 1 in size has to be asked for before the discriminant.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    discriminant = (1 + beta - lr * curvature) ** 2 - 4 * beta
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-border-of-gradient-descent",
    says="You call a run divergent where lr*curvature is above 2, gradient descent's border; with momentum it lies at "
    "2 + 2*beta.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    x = lr * curvature
    if x > 2 + 1e-9 or x < -1e-9:
        return "divergent"
    discriminant = (1 + beta - x) ** 2 - 4 * beta
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-forgets-hilltops",
    says="You look for divergence at large lr*curvature only; where the curvature is negative the run leaves the "
    "hilltop, and an eigenvalue is above 1 too.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    x = lr * curvature
    if x > 2 + 2 * beta + 1e-9:
        return "divergent"
    discriminant = (1 + beta - x) ** 2 - 4 * beta
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-largest-real-part",
    says="You judge divergence by the largest real part; an eigenvalue below -1 diverges as well, so compare moduli.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    if max((trace + root).real, (trace - root).real) / 2 > 1 + 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-lost-four",
    says="Your discriminant has lost the 4 before beta.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    z = np.roots([1, -trace, beta])
    discriminant = trace**2 - beta
    if np.max(np.abs(z)) > 1 + 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-exact-zero",
    says="You compare the discriminant with exactly 0. Computed numbers hardly ever are; a size of at most 1e-9 counts "
    "as critical.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    if max(abs(trace + root), abs(trace - root)) / 2 > 1 + 1e-9:
        return "divergent"
    if discriminant == 0:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-wide-tolerance",
    says="Your tolerance is too wide: it calls a discriminant critical that is clearly different from 0. At most 1e-9 "
    "is asked for.",
    fails=["damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    if max(abs(trace + root), abs(trace - root)) / 2 > 1 + 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-3:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-border-is-divergent",
    says="You call the border of stability divergent; there a run neither grows nor shrinks, and only a modulus above "
    "1 + 1e-9 counts.",
    fails=["damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    if max(abs(trace + root), abs(trace - root)) / 2 >= 1 - 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-border-without-tolerance",
    says="You call a run divergent as soon as rounding lifts a modulus above 1; the docstring allows 1e-9.",
    fails=["damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    x = lr * curvature
    trace = 1 + beta - x
    discriminant = trace**2 - 4 * beta
    if x > 2 + 2 * beta or x < 0 or beta >= 1:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


@bank.mistake(
    "regime-alternation-is-a-swing",
    says="You call two negative real eigenvalues underdamped. The run jumps from side to side, but the word goes by "
    "the discriminant: real eigenvalues are overdamped.",
    fails=["damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    trace = 1 + beta - lr * curvature
    discriminant = trace**2 - 4 * beta
    root = np.sqrt(complex(discriminant))
    if max(abs(trace + root), abs(trace - root)) / 2 > 1 + 1e-9:
        return "divergent"
    if abs(discriminant) <= 1e-9:
        return "critical"
    return "overdamped" if discriminant > 0 and trace > 0 else "underdamped"


@bank.mistake(
    "regime-one-critical-beta",
    says="You compare beta with 1 - sqrt(lr*curvature); the critical beta is the square of that.",
    fails=["damping_regime_visible", "damping_regime_hidden"],
)
def damping_regime(curvature, lr, beta):
    x = lr * curvature
    if x > 2 + 2 * beta + 1e-9 or x < -1e-9:
        return "divergent"
    critical = abs(1 - np.sqrt(max(x, 0.0)))
    if abs(beta - critical) <= 1e-9:
        return "critical"
    return "overdamped" if beta < critical else "underdamped"


@bank.variation("regime-roots-of-the-matrix")
def damping_regime(curvature, lr, beta):
    M = np.array([[1 - lr * curvature, -lr * beta], [curvature, beta]])
    if np.abs(np.linalg.eigvals(M)).max() > 1 + 1e-9:
        return "divergent"
    discriminant = np.trace(M) ** 2 - 4 * beta
    if abs(discriminant) <= 1e-9:
        return "critical"
    if discriminant < 0:
        return "underdamped"
    return "overdamped"


@bank.variation("regime-from-the-border")
def damping_regime(curvature, lr, beta):
    x = lr * curvature
    outside = x < -1e-9 * (1 - beta) or x > 2 + 2 * beta + 1e-9 * (1 - beta)
    if outside:
        return "divergent"
    discriminant = (1 - x) ** 2 + beta**2 - 2 * beta * (1 + x)
    names = {-1: "underdamped", 0: "critical", 1: "overdamped"}
    return names[0 if abs(discriminant) <= 1e-9 else int(np.sign(discriminant))]


# 6 · critical_beta


@bank.mistake(
    "critical-without-square",
    says="You have left out the square: 1 - sqrt(lr*curvature) is the root of the critical beta.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return 1 - np.sqrt(lr * curvature)


@bank.mistake(
    "critical-rate",
    says="You return |1 - sqrt(lr*curvature)|. That is the rate at critical damping; the critical beta is its square.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return abs(1 - np.sqrt(lr * curvature))


@bank.mistake(
    "critical-without-root",
    says="You have left out the root: 1 minus the root of lr*curvature is squared.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return (1 - lr * curvature) ** 2


@bank.mistake(
    "critical-other-solution",
    says="You return the other solution of the equation, with a plus; it is above 1, and such a velocity grows for "
    "ever.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return (1 + np.sqrt(lr * curvature)) ** 2


@bank.mistake(
    "critical-root-of-curvature-only",
    says="Your root covers the curvature only; lr belongs under it too.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return (1 - lr * np.sqrt(curvature)) ** 2


@bank.mistake(
    "critical-root-of-lr-only",
    says="Your root covers lr only; the curvature belongs under it too.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return (1 - np.sqrt(lr) * curvature) ** 2


@bank.mistake(
    "critical-continuous-time",
    says="You return 1 - 2*sqrt(lr*curvature), the rule for a spring in continuous time; steps of finite size add "
    "lr*curvature, which completes the square.",
    fails=["critical_beta_visible", "critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return 1 - 2 * np.sqrt(lr * curvature)


@bank.mistake(
    "critical-clipped",
    says="You cut the bracket off at 0. Where lr*curvature is above 1 it is negative, and its square is still the "
    "critical beta.",
    fails=["critical_beta_hidden"],
)
def critical_beta(curvature, lr):
    return max(0.0, 1 - np.sqrt(lr * curvature)) ** 2


@bank.variation("critical-expanded")
def critical_beta(curvature, lr):
    x = lr * curvature
    return 1 + x - 2 * x**0.5


@bank.variation("critical-smaller-root")
def critical_beta(curvature, lr):
    x = lr * curvature
    return min(np.roots([1.0, -2.0 * (1 + x), (1 - x) ** 2]).real)


# 7 · max_stable_lr


@bank.mistake(
    "border-of-gradient-descent",
    says="You return 2/L, gradient descent's border; momentum moves it out to 2*(1 + beta)/L.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 / np.max(eigenvalues)


@bank.mistake(
    "border-minus-beta",
    says="You have 1 - beta where 1 + beta belongs: a memory steadies the steepest direction, and the border moves "
    "out.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 * (1 - beta) / np.max(eigenvalues)


@bank.mistake(
    "border-divided-by-one-minus-beta",
    says="You divide gradient descent's border by 1 - beta, which is how the step grows on an even slope; the border "
    "grows by 1 + beta only.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 / (1 - beta) / np.max(eigenvalues)


@bank.mistake(
    "border-lost-two",
    says="You have lost the factor 2: the border lies at 2*(1 + beta)/L.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return (1 + beta) / np.max(eigenvalues)


@bank.mistake(
    "border-two-plus-beta",
    says="You return (2 + beta)/L: the 2 multiplies beta as well.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return (2 + beta) / np.max(eigenvalues)


@bank.mistake(
    "border-from-the-flattest",
    says="You take the smallest eigenvalue; the steepest direction is the first to diverge, so the largest decides.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 * (1 + beta) / np.min(eigenvalues)


@bank.mistake(
    "border-trusts-the-order",
    says="You take the last eigenvalue for the largest; they come in any order.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 * (1 + beta) / eigenvalues[-1]


@bank.mistake(
    "border-no-check",
    says="Your function answers for a saddle too; where an eigenvalue is not above 0, a ValueError is promised.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    return 2 * (1 + beta) / np.max(eigenvalues)


@bank.mistake(
    "border-zero-allowed",
    says="Your check lets an eigenvalue of exactly 0 through; all have to be above 0.",
    fails=["max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    if np.any(eigenvalues < 0):
        raise ValueError("not a bowl")
    return 2 * (1 + beta) / np.max(eigenvalues)


@bank.mistake(
    "border-sorts-in-place",
    says="Your numbers are right, but you sort the caller's array in place; sort a copy or take the maximum.",
    fails=["max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues, beta):
    eigenvalues.sort()
    if eigenvalues[0] <= 0:
        raise ValueError("not a bowl")
    return 2 * (1 + beta) / eigenvalues[-1]


@bank.variation("border-smallest-of-all-borders")
def max_stable_lr(eigenvalues, beta):
    borders = []
    for value in eigenvalues:
        if value <= 0:
            raise ValueError(f"eigenvalue {value} is not above 0")
        borders.append((2.0 + 2.0 * beta) / value)
    return min(borders)


@bank.variation("border-float32")
def max_stable_lr(eigenvalues, beta):
    values = np.sort(np.asarray(eigenvalues, dtype=np.float32))
    if values[0] <= 0:
        raise ValueError("all eigenvalues must be above 0")
    return np.float32(2) * (1 + beta) / values[-1]


# 8 · optimal_heavy_ball


@bank.mistake(
    "pair-lr-without-square",
    says="Your learning rate has lost its square: 2/(sqrt(L) + sqrt(mu)) is its root.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return 2 / (np.sqrt(L) + np.sqrt(mu)), ((r - 1) / (r + 1)) ** 2


@bank.mistake(
    "pair-beta-without-square",
    says="Your momentum has lost its square: (sqrt(kappa) - 1)/(sqrt(kappa) + 1) is the rate, and beta the square of "
    "it.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return (2 / (np.sqrt(L) + np.sqrt(mu))) ** 2, (r - 1) / (r + 1)


@bank.mistake(
    "pair-kappa-without-root",
    says="Your momentum is made of kappa; it is made of the root of kappa, which is the whole gain.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    kappa = L / mu
    return (2 / (np.sqrt(L) + np.sqrt(mu))) ** 2, ((kappa - 1) / (kappa + 1)) ** 2


@bank.mistake(
    "pair-lr-of-gradient-descent",
    says="Your learning rate is 2/(mu + L), the best without momentum; with the best momentum it is larger.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return 2 / (mu + L), ((r - 1) / (r + 1)) ** 2


@bank.mistake(
    "pair-square-of-each-root",
    says="Your learning rate is 4/(L + mu): the square of a sum is not the sum of the squares.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return 4 / (mu + L), ((r - 1) / (r + 1)) ** 2


@bank.mistake(
    "pair-lr-lost-two",
    says="Your learning rate is a quarter of the best: the 2 stands inside the square.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return 1 / (np.sqrt(L) + np.sqrt(mu)) ** 2, ((r - 1) / (r + 1)) ** 2


@bank.mistake(
    "pair-two-outside-the-square",
    says="Your learning rate is half of the best: the 2 stands inside the square, which makes it a 4.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return 2 / (np.sqrt(L) + np.sqrt(mu)) ** 2, ((r - 1) / (r + 1)) ** 2


@bank.mistake(
    "pair-nesterov",
    says="Your pair is the usual one for Nesterov's method, 1/L and (sqrt(kappa) - 1)/(sqrt(kappa) + 1); heavy ball's "
    "best pair is another.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
    reference="Nesterov, Introductory Lectures on Convex Optimization (2004), section 2.2.1.",
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return 1 / L, (r - 1) / (r + 1)


@bank.mistake(
    "pair-at-the-border",
    says="Your learning rate is the border 2*(1 + beta)/L; there the steepest direction no longer shrinks.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    beta = ((r - 1) / (r + 1)) ** 2
    return 2 * (1 + beta) / L, beta


@bank.mistake(
    "pair-beta-first",
    says="Your two numbers are right but in the wrong order: the learning rate comes first.",
    fails=["optimal_heavy_ball_visible", "optimal_heavy_ball_hidden"],
)
def optimal_heavy_ball(mu, L):
    r = np.sqrt(L / mu)
    return ((r - 1) / (r + 1)) ** 2, (2 / (np.sqrt(L) + np.sqrt(mu))) ** 2


@bank.variation("pair-from-the-two-equations")
def optimal_heavy_ball(mu, L):
    root_lr = 2 / (L**0.5 + mu**0.5)
    return root_lr**2, (1 - root_lr * mu**0.5) ** 2


@bank.variation("pair-kappa-upside-down")
def optimal_heavy_ball(mu, L):
    r = (mu / L) ** 0.5
    return 4 / (L + mu + 2 * (mu * L) ** 0.5), ((r - 1) / (r + 1)) ** 2


# 9 · convert_momentum


@bank.mistake(
    "convert-ema-multiplies",
    says="You multiply by 1 - beta where you should divide: a mean is smaller than the sum, so its learning rate has "
    "to be larger.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr, v = lr / (1 - beta), v / (1 - beta)
    elif source != "velocity":
        v = -v / lr
    if target == "ema":
        lr, v = lr * (1 - beta), v * (1 - beta)
    elif target != "velocity":
        v = -lr * v
    return lr, beta, v


@bank.mistake(
    "convert-ema-same-lr",
    says="You keep the learning rate between the velocity and the mean of gradients; the mean is 1 - beta times as "
    "large, so its rate has to make up for that.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        v = v / (1 - beta)
    elif source != "velocity":
        v = -v / lr
    if target == "ema":
        v = v * (1 - beta)
    elif target != "velocity":
        v = -lr * v
    return lr, beta, v


@bank.mistake(
    "convert-keeps-the-state",
    says="Your numbers lr and beta are right, but you hand the state on as it is; in another form it has another "
    "scale, and a run that goes on with it makes a jump.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr = lr * (1 - beta)
    if target == "ema":
        lr = lr / (1 - beta)
    return lr, beta, np.array(v, dtype=float)


@bank.mistake(
    "convert-ema-keeps-the-state",
    says="You convert the learning rate between the velocity and the mean of gradients but not the state; the mean is "
    "1 - beta times the velocity.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr = lr * (1 - beta)
    elif source != "velocity":
        v = -v / lr
    if target == "ema":
        lr = lr / (1 - beta)
    elif target != "velocity":
        v = -lr * v
    return lr, beta, np.array(v, dtype=float)


@bank.mistake(
    "convert-sign",
    says="The state of 'step' and 'two-point' is the last move of w, which goes against the velocity: your sign is "
    "lost.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr, v = lr * (1 - beta), v / (1 - beta)
    elif source != "velocity":
        v = v / lr
    if target == "ema":
        lr, v = lr / (1 - beta), v * (1 - beta)
    elif target != "velocity":
        v = lr * v
    return lr, beta, v


@bank.mistake(
    "convert-two-point-backwards",
    says="Your state for 'two-point' is the position before minus the position now; it is w - w_prev.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr, v = lr * (1 - beta), v / (1 - beta)
    elif source != "velocity":
        v = (-v if source == "step" else v) / lr
    if target == "ema":
        lr, v = lr / (1 - beta), v * (1 - beta)
    elif target != "velocity":
        v = lr * (-v if target == "step" else v)
    return lr, beta, v


@bank.mistake(
    "convert-state-without-lr",
    says="You exchange the sign for 'step' and 'two-point' but leave out lr: the last move is lr times the velocity.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr, v = lr * (1 - beta), v / (1 - beta)
    elif source != "velocity":
        v = -v
    if target == "ema":
        lr, v = lr / (1 - beta), v * (1 - beta)
    elif target != "velocity":
        v = -v
    return lr, beta, v


@bank.mistake(
    "convert-directions-exchanged",
    says="Your formulas are right but run the wrong way: you use what leads from a form to ours for the way from ours "
    "to it.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    source, target = target, source
    if source == "ema":
        lr, v = lr * (1 - beta), v / (1 - beta)
    elif source != "velocity":
        v = -v / lr
    if target == "ema":
        lr, v = lr / (1 - beta), v * (1 - beta)
    elif target != "velocity":
        v = -lr * v
    return lr, beta, np.array(v, dtype=float)


@bank.mistake(
    "convert-ignores-the-source",
    says="You convert as if the source were always 'velocity'.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if target == "ema":
        return lr / (1 - beta), beta, v * (1 - beta)
    if target in ("step", "two-point"):
        return lr, beta, -lr * v
    return lr, beta, v.copy()


@bank.mistake(
    "convert-rate-before-state",
    says="Between 'ema' and the last move you use the learning rate of the wrong form: an 'ema' moves w by its own, "
    "larger rate.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    moves = ("step", "two-point")
    new_lr = lr * (1 - beta) if source == "ema" else lr
    new_lr = new_lr / (1 - beta) if target == "ema" else new_lr
    if source in moves and target not in moves:
        v = -v / lr
    elif target in moves and source not in moves:
        v = -new_lr * v
    elif (source, target) == ("velocity", "ema"):
        v = v * (1 - beta)
    elif (source, target) == ("ema", "velocity"):
        v = v / (1 - beta)
    return new_lr, beta, np.array(v, dtype=float)


@bank.mistake(
    "convert-unknown-names",
    says="You pass an unknown name over in silence; where source or target is none of the four, a ValueError is "
    "promised.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if source == "ema":
        lr, v = lr * (1 - beta), v / (1 - beta)
    elif source in ("step", "two-point"):
        v = -v / lr
    if target == "ema":
        lr, v = lr / (1 - beta), v * (1 - beta)
    elif target in ("step", "two-point"):
        v = -lr * v
    return lr, beta, np.array(v, dtype=float)


@bank.mistake(
    "convert-in-place",
    says="Your numbers are right, but you rescale the caller's state in place; work on a copy.",
    fails=["convert_momentum_visible", "convert_momentum_hidden"],
)
def convert_momentum(lr, beta, v, source, target):
    if {source, target} - {"velocity", "ema", "step", "two-point"}:
        raise ValueError("unknown form")
    if source == "ema":
        lr = lr * (1 - beta)
        v /= 1 - beta
    elif source != "velocity":
        v /= -lr
    if target == "ema":
        lr = lr / (1 - beta)
        v *= 1 - beta
    elif target != "velocity":
        v *= -lr
    return lr, beta, v


@bank.variation("convert-by-the-last-move")
def convert_momentum(lr, beta, v, source, target):
    scale = {"velocity": 1.0, "ema": 1 - beta, "step": None, "two-point": None}
    if source not in scale or target not in scale:
        raise ValueError(f"unknown form: {source} or {target}")
    plain_lr = lr * (scale[source] or 1)
    move = np.asarray(v) * (-lr if scale[source] else 1.0)
    new_lr = plain_lr / (scale[target] or 1)
    return new_lr, beta, move / (-new_lr) if scale[target] else move


@bank.variation("convert-table-of-pairs")
def convert_momentum(lr, beta, v, source, target):
    keep, v = 1 - beta, np.array(v, dtype=float)
    names = {"velocity": "velocity", "ema": "ema", "step": "move", "two-point": "move"}
    try:
        pair = names[source], names[target]
    except KeyError as error:
        raise ValueError(f"no form is called {error}") from None
    table = {
        ("velocity", "ema"): (lr / keep, v * keep),
        ("velocity", "move"): (lr, -lr * v),
        ("ema", "velocity"): (lr * keep, v / keep),
        ("ema", "move"): (lr * keep, -lr * v),
        ("move", "velocity"): (lr, -v / lr),
        ("move", "ema"): (lr / keep, -v * keep / lr),
    }
    new_lr, new_v = table.get(pair, (lr, v))
    return [new_lr, beta, new_v]


# 10 · effective_lr


@bank.mistake(
    "effective-multiplies",
    says="You multiply by 1 - beta; the gradients of an even slope add up, so the step grows: divide.",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if not 0 <= beta < 1:
        raise ValueError("beta out of range")
    return lr * (1 - beta)


@bank.mistake(
    "effective-divides-by-beta",
    says="You divide by beta; the geometric series has the sum 1/(1 - beta).",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if not 0 <= beta < 1:
        raise ValueError("beta out of range")
    return lr / beta


@bank.mistake(
    "effective-two-terms",
    says="You return lr*(1 + beta), the step after two gradients; the sum goes on, to 1/(1 - beta).",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if not 0 <= beta < 1:
        raise ValueError("beta out of range")
    return lr * (1 + beta)


@bank.mistake(
    "effective-series-cut-off",
    says="You add up the first hundred terms of the series. For a beta near 1 that is far from all; the whole sum is "
    "1/(1 - beta).",
    fails=["effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if not 0 <= beta < 1:
        raise ValueError("beta out of range")
    return lr * sum(beta**k for k in range(100))


@bank.mistake(
    "effective-without-the-first-term",
    says="You return lr*beta/(1 - beta), which leaves out the newest gradient; it enters the velocity whole.",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if not 0 <= beta < 1:
        raise ValueError("beta out of range")
    return lr * beta / (1 - beta)


@bank.mistake(
    "effective-squares",
    says="You divide by 1 - beta squared; each gradient is weighted with a power of beta itself, and those add up to "
    "1/(1 - beta).",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if not 0 <= beta < 1:
        raise ValueError("beta out of range")
    return lr / (1 - beta**2)


@bank.mistake(
    "effective-no-check",
    says="Your numbers are right, but a ValueError is promised where beta is not from 0 up to below 1.",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    return lr / (1 - beta)


@bank.mistake(
    "effective-one-allowed",
    says="Your check lets beta = 1 through, where the division fails; the ValueError has to come first.",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if beta < 0 or beta > 1:
        raise ValueError("beta out of range")
    return lr / (1 - beta)


@bank.mistake(
    "effective-negative-allowed",
    says="Your check looks at one side only: a beta below 0 is out of range as well.",
    fails=["effective_lr_visible", "effective_lr_hidden"],
)
def effective_lr(lr, beta):
    if beta >= 1:
        raise ValueError("beta out of range")
    return lr / (1 - beta)


@bank.variation("effective-doubling")
def effective_lr(lr, beta):
    if beta < 0 or beta >= 1:
        raise ValueError(f"beta must be from 0 up to below 1, found {beta}")
    total, power = 1.0, beta
    for _ in range(25):
        total, power = total * (1 + power), power * power
    return lr * total


@bank.variation("effective-power")
def effective_lr(lr, beta):
    if 0 <= beta < 1:
        return lr * (1 - beta) ** -1
    raise ValueError("no such limit")


# 11 · convergence_map


@bank.mistake(
    "map-transposed",
    says="Your map is transposed: the rows belong to the betas, the columns to the learning rates.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[None, None, :], lrs[:, None, None], betas[None, :, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.maximum(np.abs(trace + root), np.abs(trace - root)).max(axis=2) / 2


@bank.mistake(
    "map-best-direction",
    says="You keep the smallest radius over the directions; in the long run the slowest direction is what is left.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[None, None, :], lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.maximum(np.abs(trace + root), np.abs(trace - root)).min(axis=2) / 2


@bank.mistake(
    "map-mean-direction",
    says="You average the radius over the directions; the slowest one alone is the rate of the run.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[None, None, :], lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.maximum(np.abs(trace + root), np.abs(trace - root)).mean(axis=2) / 2


@bank.mistake(
    "map-steepest-only",
    says="You look at the largest eigenvalue only; with a small learning rate the flattest direction is the slowest.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    trace = (1 + betas[:, None] - lrs[None, :] * np.max(eigenvalues)).astype(complex)
    root = np.sqrt(trace**2 - 4 * betas[:, None])
    return np.maximum(np.abs(trace + root), np.abs(trace - root)) / 2


@bank.mistake(
    "map-flattest-only",
    says="You look at the smallest eigenvalue only; with a large learning rate the steepest direction is the slowest.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    trace = (1 + betas[:, None] - lrs[None, :] * np.min(eigenvalues)).astype(complex)
    root = np.sqrt(trace**2 - 4 * betas[:, None])
    return np.maximum(np.abs(trace + root), np.abs(trace - root)) / 2


@bank.mistake(
    "map-real-part",
    says="You take the largest real part of the eigenvalues; their moduli count, of negative and complex ones too.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    rates = np.zeros((len(betas), len(lrs)))
    for i, beta in enumerate(betas):
        for j, rate in enumerate(lrs):
            z = [np.linalg.eigvals([[1 - rate * c, -rate * beta], [c, beta]]) for c in eigenvalues]
            rates[i, j] = np.max(np.real(z))
    return rates


@bank.mistake(
    "map-positive-root-only",
    says="You look at the eigenvalue with the plus before the root only; where 1 + beta - lr*c is negative the other "
    "is the larger in size.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[None, None, :], lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    return np.abs(trace + np.sqrt(trace**2 - 4 * beta)).max(axis=2) / 2


@bank.mistake(
    "map-always-swinging",
    says="You return sqrt(beta) everywhere. That is the modulus where the eigenvalues are complex; where they are real "
    "the larger one is above it.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    return np.sqrt(betas)[:, None] + np.zeros(len(lrs))


@bank.mistake(
    "map-norm",
    says="You take the norm of the matrix, the largest stretch of one step; the rate comes from its eigenvalues.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    rates = np.zeros((len(betas), len(lrs)))
    for i, beta in enumerate(betas):
        for j, rate in enumerate(lrs):
            rates[i, j] = max(np.linalg.norm([[1 - rate * c, -rate * beta], [c, beta]], 2) for c in eigenvalues)
    return rates


@bank.mistake(
    "map-every-direction",
    says="You return a radius for every direction; over the directions the worst is asked for, one number for each "
    "pair.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[None, None, :], lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.maximum(np.abs(trace + root), np.abs(trace - root)) / 2


@bank.mistake(
    "map-capped-at-one",
    says="You never return more than 1; where the run flies apart the rate is above 1 and says how fast.",
    fails=["convergence_map_visible", "convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[None, None, :], lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.minimum(np.maximum(np.abs(trace + root), np.abs(trace - root)).max(axis=2) / 2, 1.0)


@bank.mistake(
    "map-trusts-the-order",
    says="You look at the first and the last eigenvalue only; they come in any order.",
    fails=["convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = eigenvalues[[0, -1]], lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.maximum(np.abs(trace + root), np.abs(trace - root)).max(axis=2) / 2


@bank.mistake(
    "map-size-of-eigenvalues",
    says="You take the eigenvalues' absolute values; a negative one belongs to a direction that grows.",
    fails=["convergence_map_hidden"],
)
def convergence_map(eigenvalues, lrs, betas):
    c, rate, beta = np.abs(eigenvalues), lrs[None, :, None], betas[:, None, None]
    trace = (1 + beta - rate * c).astype(complex)
    root = np.sqrt(trace**2 - 4 * beta)
    return np.maximum(np.abs(trace + root), np.abs(trace - root)).max(axis=2) / 2


@bank.variation("map-loops")
def convergence_map(eigenvalues, lrs, betas):
    rates = np.zeros((len(betas), len(lrs)))
    for i, beta in enumerate(betas):
        for j, lr in enumerate(lrs):
            for c in eigenvalues:
                z = np.linalg.eigvals(np.array([[1 - lr * c, -lr * beta], [c, beta]]))
                rates[i, j] = max(rates[i, j], np.abs(z).max())
    return rates


@bank.variation("map-stack-of-matrices")
def convergence_map(eigenvalues, lrs, betas):
    beta, lr, c = np.meshgrid(betas, lrs, eigenvalues, indexing="ij")
    M = np.stack([np.stack([1 - lr * c, -lr * beta], -1), np.stack([c + 0 * lr, beta + 0 * lr], -1)], -2)
    return np.abs(np.linalg.eigvals(M)).max(axis=(2, 3))


@bank.variation("map-both-ends")
def convergence_map(eigenvalues, lrs, betas):
    def radius(c):
        trace = 1 + np.asarray(betas)[:, None] - c * np.asarray(lrs)
        root = np.emath.sqrt(trace**2 - 4 * np.asarray(betas)[:, None])
        return np.maximum(abs(trace - root), abs(trace + root)) / 2

    return np.maximum(radius(min(eigenvalues)), radius(max(eigenvalues)))


# 12 · momentum_descent


@bank.mistake(
    "path-velocity-forgotten",
    says="You set the velocity back to zero at every step, so nothing is remembered and the path is gradient "
    "descent's; set it once, before the loop.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        v = np.zeros(len(w0))
        v = beta * v + grad(history[-1])
        history.append(history[-1] - lr * v)
    return np.array(history)


@bank.mistake(
    "path-climbs",
    says="Your steps go along the velocity, which points uphill; subtract it.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history, v = [np.array(w0, dtype=float)], 0.0
    for _ in range(steps):
        v = beta * v + grad(history[-1])
        history.append(history[-1] + lr * v)
    return np.array(history)


@bank.mistake(
    "path-dampened",
    says="You let only the share 1 - beta of the gradient into the velocity; here the whole gradient enters.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history, v = [np.array(w0, dtype=float)], 0.0
    for _ in range(steps):
        v = beta * v + (1 - beta) * grad(history[-1])
        history.append(history[-1] - lr * v)
    return np.array(history)


@bank.mistake(
    "path-nesterov",
    says="You read the gradient at the point ahead, which is Nesterov's method; heavy ball reads it at w.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history, v = [np.array(w0, dtype=float)], np.zeros(len(w0))
    for _ in range(steps):
        v = beta * v + grad(history[-1] - lr * beta * v)
        history.append(history[-1] - lr * v)
    return np.array(history)


@bank.mistake(
    "path-starts-with-a-push",
    says="Your velocity starts as the first gradient, which then enters a second time; it starts at zero.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history = [np.array(w0, dtype=float)]
    v = grad(history[0])
    for _ in range(steps):
        v = beta * v + grad(history[-1])
        history.append(history[-1] - lr * v)
    return np.array(history)


@bank.mistake(
    "path-old-velocity",
    says="You move by the velocity from before the step, so the first step goes nowhere; work out the new one first.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history, v = [np.array(w0, dtype=float)], np.zeros(len(w0))
    for _ in range(steps):
        history.append(history[-1] - lr * v)
        v = beta * v + grad(history[-2])
    return np.array(history)


@bank.mistake(
    "path-aliased",
    says="Your history holds the same array many times: an in-place update changes every row that was stored before. "
    "Store a copy of each point.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    w, v = np.array(w0, dtype=float), np.zeros(len(w0))
    history = [w]
    for _ in range(steps):
        v = beta * v + grad(w)
        w -= lr * v
        history.append(w)
    return np.array(history)


@bank.mistake(
    "path-aliased-after-the-start",
    says="Your start is right, but every later row is the same array: an in-place update changes all that were stored. "
    "Store a copy of each point.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    w, v = np.array(w0, dtype=float), np.zeros(len(w0))
    history = [w.copy()]
    for _ in range(steps):
        v = beta * v + grad(w)
        w -= lr * v
        history.append(w)
    return np.array(history)


@bank.mistake(
    "path-one-short",
    says="Your history leaves out the starting point; steps steps visit steps + 1 points, the start included.",
    fails=["momentum_descent_visible", "momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    w, v, history = np.array(w0, dtype=float), np.zeros(len(w0)), []
    for _ in range(steps):
        v = beta * v + grad(w)
        w = w - lr * v
        history.append(w)
    return np.array(history)


@bank.mistake(
    "path-whole-numbers",
    says="Your history has the number type of w0, so a start of whole numbers rounds every later point towards zero; "
    "it has to hold floats.",
    fails=["momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    history, v = np.zeros((steps + 1, len(w0)), dtype=w0.dtype), np.zeros(len(w0))
    history[0] = w0
    for t in range(steps):
        v = beta * v + grad(history[t])
        history[t + 1] = history[t] - lr * v
    return history


@bank.mistake(
    "path-moves-the-start",
    says="You use the caller's w0 as the moving point, so it is changed in place; start from a copy of floats.",
    fails=["momentum_descent_hidden"],
)
def momentum_descent(grad, w0, lr, beta, steps):
    w, v = w0, np.zeros(len(w0))
    history = [w.copy()]
    for _ in range(steps):
        v = beta * v + grad(w)
        w -= lr * v
        history.append(w.copy())
    return np.array(history)


@bank.variation("path-two-points")
def momentum_descent(grad, w0, lr, beta, steps):
    history = [np.asarray(w0, dtype=float).copy()]
    for t in range(steps):
        last_move = history[t] - history[t - 1] if t else 0.0
        history.append(history[t] - lr * grad(history[t]) + beta * last_move)
    return np.stack(history)


@bank.variation("path-in-place-with-copies")
def momentum_descent(grad, w0, lr, beta, steps):
    w = w0.astype(float)
    v = np.zeros_like(w)
    history = np.zeros((steps + 1, w.size))
    for t in range(steps + 1):
        history[t] = w
        if t < steps:
            v *= beta
            v += grad(w.copy())
            w -= lr * v
    return history
