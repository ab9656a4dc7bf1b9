"""Forms P2 and P5 of gpu_peers.py: recurrent cells written out in PyTorch's operators, compiled or under vmap.

torch.compile leaves nn.LSTM, GRU and RNN to cuDNN, uncompiled, and torch.func.vmap has no rule for them; a cell written
by hand is what is left to their users.
"""

import torch
from torch import nn

import gpu_worker
from gpu_task import BETA1, BETA2, CLASSES, EPS, STEPS, initial_bound, parameter_shapes
from gpu_torch_form import Form, compiled


def final_states(cell, p, x):
    """Last states of both directions [B, 2H] of x [B, T, D]; p: parameters by PyTorch's names."""
    both = {name: torch.stack([p[name], p[name + "_reverse"]])
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")}
    w_h, b_h = both["weight_hh_l0"].transpose(1, 2), both["bias_hh_l0"].unsqueeze(1)
    batch, hidden = x.shape[0], w_h.shape[1]
    xs = torch.stack([x, x.flip(1)]).transpose(1, 2)  # [2, T, B, D], the second backwards in time
    from_x = torch.matmul(xs.flatten(1, 2), both["weight_ih_l0"].transpose(1, 2)) + both["bias_ih_l0"].unsqueeze(1)
    from_x = from_x.unflatten(1, (STEPS, batch))
    h = c = torch.zeros(2, batch, hidden, dtype=x.dtype, device=x.device)
    for t in range(STEPS):
        gates, from_h = from_x[:, t], torch.matmul(h, w_h) + b_h
        if cell == "lstm":
            i, f, g, o = (gates + from_h).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        elif cell == "gru":
            (x_r, x_z, x_n), (h_r, h_z, h_n) = gates.chunk(3, -1), from_h.chunk(3, -1)
            n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
            h = n + torch.sigmoid(x_z + h_z) * (h - n)
        else:
            h = torch.tanh(gates + from_h)
    return torch.cat([h[0], h[1]], -1)


class Compiled(Form):
    """P2: the run of an eager form with its loss, and so its gradient, through torch.compile."""

    def __init__(self, eager, mode, own_cell):
        super().__init__(eager.work)
        if not own_cell and not eager.work.cuda:
            raise gpu_worker.Unavailable("torch.compile is used on a GPU only; the rest is form P0")
        cell, head, p = eager.work.point.cell, eager.net.head, dict(eager.net.recurrent.named_parameters())

        def own_loss(x, labels):
            return nn.functional.cross_entropy(head(final_states(cell, p, x)), labels)

        eager.loss_of = compiled(own_loss if own_cell else eager.loss_of, eager.work, mode=mode)
        self.mark = torch.compiler.cudagraph_mark_step_begin if eager.work.cuda else lambda: None
        self.eager, self.losses, self.parameters = eager, eager.losses, eager.parameters

    def step(self):
        self.mark()
        self.eager.step()
        self.eager.loss = self.eager.loss.clone()  # the next replay overwrites what a compiled function returned


class CellNet(nn.Module):
    """A network of final_states() and a head, for torch.func; parameters start as nn.LSTM's."""

    def __init__(self, cell, hidden):
        super().__init__()
        self.cell = cell
        self.fc = nn.Linear(2 * hidden, CLASSES)
        self.names = [name for name in parameter_shapes(cell, hidden) if not name.startswith("fc.")]
        for name in self.names:
            values = torch.empty(parameter_shapes(cell, hidden)[name]).uniform_(-1, 1)
            self.register_parameter(name, nn.Parameter(values * initial_bound(name, hidden)))

    def forward(self, x):
        p = {name: getattr(self, name) for name in self.names}  # functional_call puts others in their place
        return self.fc(final_states(self.cell, p, x))


def adam(parameters, gradients, firsts, seconds, rates, c1, c2):
    """Adam in place on stacked parameters [N, ...], rates [N]; c1, c2: what the moments are divided by."""
    for p, g, m, v in zip(parameters, gradients, firsts, seconds):
        m.mul_(BETA1).add_(g, alpha=1 - BETA1)
        v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
        rate = (rates / c1).view(-1, *[1] * (p.dim() - 1))
        p.sub_(rate * m / ((v / c2).sqrt() + EPS))


class Vmapped(Form):
    """P5: stack_module_state, vmap over runs of the gradient of one, Adam on stacked arrays, in a CUDA graph."""

    def __init__(self, work, compile_all=False):
        super().__init__(work)
        if not hasattr(torch, "func"):
            raise gpu_worker.Unavailable(f"PyTorch {torch.__version__} has no torch.func")
        if compile_all and not work.cuda:
            raise gpu_worker.Unavailable("torch.compile is used on a GPU only")
        point = work.point
        self.runs = point.trials
        nets = [CellNet(point.cell, point.hidden_size) for _ in range(self.runs)]
        stacked, _ = torch.func.stack_module_state(nets)
        self.p = {k: v.detach().to(work.device, work.dtype) for k, v in stacked.items()}
        if work.initial is not None:
            self.p = {k: work.parameters()[k] for k in self.p}
        self.start = {k: v.clone() for k, v in self.p.items()} if work.initial is not None else None
        self.first, self.second = ({k: torch.zeros_like(v) for k, v in self.p.items()} for _ in range(2))
        self.rates = work.tensor(work.rates)
        self.multipliers, self.offsets = work.orders_on_device()
        self.row = torch.arange(point.batch_size, device=work.device)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=work.device)
        self.count = torch.zeros((), dtype=work.dtype, device=work.device)
        net = nets[0].to(work.device, work.dtype)

        def loss_of(p, x, labels):
            return nn.functional.cross_entropy(torch.func.functional_call(net, p, (x,)), labels)

        gradients = torch.func.vmap(torch.func.grad_and_value(loss_of))
        self.gradients = compiled(gradients, work) if compile_all else gradients
        self.adam = compiled(adam, work)
        self.capture()

    @torch.no_grad()
    def step(self):
        work = self.work
        position = (self.cursor * work.point.batch_size + self.row) % work.examples
        index = (self.multipliers * position + self.offsets) % work.examples  # [N, B]
        x = work.images[index].to(work.dtype).mul_(1 / 255)
        g, self.loss = self.gradients(self.p, x, work.labels[index])
        self.cursor.add_(1)
        self.count.add_(1)
        arrays = zip(*((self.p[k], g[k], self.first[k], self.second[k]) for k in self.p))
        self.adam(*(list(a) for a in arrays), self.rates, 1 - BETA1**self.count,
                  1 - BETA2**self.count)

    def reset(self):
        for array in (*self.first.values(), *self.second.values(), self.cursor, self.count):
            array.zero_()
        for k, v in (self.start or {}).items():
            self.p[k].copy_(v)

    def losses(self):
        return self.loss.detach().cpu().numpy()

    def parameters(self):
        return {k: v.cpu().numpy() for k, v in self.p.items()}
