// Inputs that are one tensor, overlap, or are views; writes through views.

#include "soundness.h"

using namespace weft;
using soundness::ramp;

SOUND("one tensor twice, then two") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) { return x * 2 + y; });
  Tensor a = ramp({4}), b = ramp({4}, 1);
  w.see(f(a, a));
  w.see(f(a, a));
  for (int k = 0; k < 3; k++) {
    w.see(f(a, b));
    w.see(f(b, b));
  }
}

SOUND("writing one of two inputs that are the same tensor, or not") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) {
    x.add_(1);
    Tensor z = y * 2;
    x.mul_(z);
    return y + z;
  });
  for (bool is_same : {false, false, true, true, false, true, false}) {
    Tensor a = ramp({4}), b = is_same ? a : ramp({4}, 1);
    w.see(f(a, b));
    w.see(a);
    w.see(b);
  }
}

SOUND("inputs that overlap by different amounts") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) {
    x.mul_(2);
    return x + y;
  });
  for (int64_t from : {4, 4, 2, 2, 1, 0, 3, 4, 2}) {
    Tensor whole = ramp({8});
    w.see(f(slice(whole, 0, 0, 4), slice(whole, 0, from, from + 4)));
    w.see(whole);
  }
}

SOUND("inputs that overlap with other strides") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) {
    y.add_(x);
    return x * y;
  });
  for (int how : {0, 1, 1, 2, 0, 2, 1}) {
    Tensor whole = ramp({4, 4});
    Tensor other = how == 0 ? ramp({4}) : how == 1 ? whole[1] : select(whole, 1, 1);
    w.see(f(whole[1], other));
    w.see(whole);
  }
}

SOUND_EVEN_EAGER("a row and the matrix that it lies in") {
  auto f = w.compile([](const Tensor& row, const Tensor& matrix) {
    row.fill_(1);
    Tensor before = sum(matrix, 0);
    matrix.add_(row);
    return before + row;
  });
  for (int k = 0; k < 5; k++) {
    Tensor m = ramp({3, 3}, k);
    w.see(f(m[k % 3], m));
    w.see(m);
  }
}

SOUND("a matrix and its transpose") {
  auto f = w.compile([](const Tensor& a, const Tensor& b) {
    Tensor c = matmul(a, b);
    a.add_(c);
    return b * c;
  });
  for (int k = 0; k < 4; k++) {
    Tensor m = ramp({3, 3}, k);
    w.see(f(m, k % 2 ? m.transpose(0, 1) : ramp({3, 3})));
    w.see(m);
  }
}

SOUND("writes through a view of an input") {
  auto f = w.compile([](const Tensor& x) {
    Tensor row = x[0];
    row.add_(10);
    select(x, 1, 0).mul_(2);
    return x + 1;
  });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({3, 3}, k);
    w.see(f(x));
    w.see(x);
  }
}

SOUND("writes through a view of a result") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = x * 2;
    slice(y, 0, 1, 3).fill_(-1);
    y.transpose(0, 1)[0].add_(5);
    return y;
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({4, 2}, k)));
}

SOUND("a view taken before the write sees it") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = x + 0, head = slice(y, 0, 0, 2), flat = y.reshape({-1});
    y.mul_(3);
    return std::pair(head + 1, flat);
  });
  for (int k = 0; k < 4; k++) {
    auto [a, b] = f(ramp({3, 2}, k));
    w.see(a);
    w.see(b);
  }
}

SOUND("views of views, written at the end") {
  auto f = w.compile([](const Tensor& x) {
    Tensor corner = slice(slice(x.transpose(0, 1), 0, 1, 3), 1, 0, 2);
    corner.copy_(corner.transpose(0, 1) * 2);
    return corner;
  });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({4, 4}, k);
    w.see(f(x));
    w.see(x);
  }
}

SOUND("a write that reads its own memory at other places") {
  auto f = w.compile([](const Tensor& x) {
    slice(x, 0, 1, 5).copy_(slice(x, 0, 0, 4));
    slice(x, 0, 0, 4).add_(slice(x, 0, 1, 5));
    return x * 1;
  });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({5}, k);
    w.see(f(x));
    w.see(x);
  }
}

SOUND("x op= x") {
  auto f = w.compile([](const Tensor& x) {
    x.add_(x);
    x.mul_(x);
    x.sub_(x * 0.5);
    return x + x;
  });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({5}, k);
    w.see(f(x));
    w.see(x);
  }
}

SOUND("a write into expanded memory is an error") {
  auto f = w.compile([](const Tensor& x, bool writes) {
    Tensor wide = x.expand({3, 4});
    Tensor y = wide * 2;
    if (writes) wide.add_(1);
    return y;
  });
  for (bool writes : {false, false, true, false, true}) {
    Tensor x = ramp({1, 4});
    w.attempt([&] { w.see(f(x, writes)); });
    w.see(x);
  }
}

SOUND("inputs that are expanded") {
  auto f = w.compile([](const Tensor& x) { return sum(x * x, 0) + x; });
  for (int k = 0; k < 5; k++)
    w.see(f(k % 2 ? ramp({1, 4}).expand({3, 4}) : ramp({3, 4})));
}

SOUND("inputs of every layout") {
  auto f = w.compile([](const Tensor& x) { return exp(x) + sum(x, 1, true); });
  for (int how : {0, 1, 2, 3, 0, 3, 1, 2, 4}) {
    Tensor big = ramp({6, 8});
    Tensor x = how == 0   ? ramp({3, 4})
               : how == 1 ? ramp({4, 3}).transpose(0, 1)
               : how == 2 ? slice(slice(big, 0, 0, 6, 2), 1, 0, 8, 2)
               : how == 3 ? slice(slice(big, 0, 2, 5), 1, 3, 7)
                          : flip(ramp({3, 4}), 1);
    w.see(f(x));
  }
}

SOUND("writes into inputs of every layout") {
  auto f = w.compile([](const Tensor& x) {
    x.mul_(2).add_(1);
    return sum(x);
  });
  for (int how : {0, 1, 2, 3, 0, 3, 1, 2}) {
    Tensor big = ramp({6, 8});
    Tensor x = how == 0   ? slice(big, 0, 0, 3)
               : how == 1 ? big.transpose(0, 1)
               : how == 2 ? slice(slice(big, 0, 0, 6, 2), 1, 0, 8, 2)
                          : slice(slice(big, 0, 2, 5), 1, 3, 7);
    w.see(f(x));
    w.see(big);
  }
}

SOUND("copy_ of another shape and dtype") {
  auto f = w.compile([](const Tensor& to, const Tensor& from) {
    to.copy_(from);
    return to * 2;
  });
  for (DType dtype : {f32, f32, i64, f64, i64}) {
    Tensor to = zeros({3, 4});
    w.see(f(to, ramp({4}, 1).to(dtype)));
    w.see(to);
  }
}

SOUND("a list of inputs with duplicates") {
  auto f = w.compile([](const std::vector<Tensor>& list) {
    Tensor total = list[0] * 1;
    for (size_t k = 1; k < list.size(); k++)
      total = total * 0.5 + list[k];
    return total;
  });
  Tensor a = ramp({3}), b = ramp({3}, 1), c = ramp({3}, 2);
  const std::vector<Tensor> lists[] = {{a, b, c},    {a, b, c}, {a, a, c},
                                       {c, a, c, b}, {a},       {a, a, c}};
  for (const std::vector<Tensor>& list : lists)
    w.see(f(list));
}

SOUND("scatter into its own source") {
  auto f = w.compile([](const Tensor& x, const Tensor& index) {
    x.scatter_add_(0, index, x * 1);
    return x + 1;
  });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({4}, k);
    w.see(f(x, tensor({3, 3, 0, k % 4})));
    w.see(x);
  }
}

SOUND("indexed writes with repeats, last one wins or sums") {
  auto f = w.compile([](const Tensor& x, const Tensor& index) {
    x.index_add_(0, index, ones({3, 2}));
    x.index_fill_(0, slice(index, 0, 0, 1), -4);
    return x * 2;
  });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({5, 2}, k);
    w.see(f(x, tensor({1, 1, k})));
    w.see(x);
  }
}

SOUND("a masked write") {
  auto f = w.compile([](const Tensor& x) {
    x.masked_fill_(x > 0.5, -1);
    return masked_select(x, x < 0);
  });
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({6}, k * 0.4);
    w.see(f(x));
    w.see(x);
  }
}

SOUND("detached memory is shared") {
  Tensor p = ramp({3}).requires_grad_();
  auto f = w.compile([&](const Tensor& x) {
    NoGrad no_grad;
    Tensor d = p.detach();
    d.add_(x);
    return p * 2;
  });
  for (int k = 0; k < 4; k++) {
    w.see(f(ramp({3}, k)));
    w.see(p);
  }
}
