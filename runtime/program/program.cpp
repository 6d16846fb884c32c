// Programs as bytes.
#include "runtime/program/program.h"

#include "runtime/program/bytes.h"

namespace weft {

namespace {

constexpr uint32_t kMagic = 0x67725057; // "WPrg"

void put(ByteWriter& w, const ProgramLaunch& l) {
  w.put(l.kernel);
  w.put_all(l.buffers);
  w.put_count(l.arguments.size());
  for (ProgramArgument a : l.arguments) {
    w.put(a.kind);
    w.put(a.index);
  }
  w.put_count(l.phases.size());
  for (const ProgramPhase& phase : l.phases) {
    for (int32_t e : {phase.chunks, phase.bytes, phase.flops})
      w.put(e);
    w.put(phase.joined);
  }
  for (int32_t v : {l.scratch_bytes, l.threads, l.most_blocks})
    w.put(v);
  w.put(l.writes_leaf);
  w.put_all(l.ops);
}

ProgramLaunch get_launch(ByteReader& r) {
  ProgramLaunch l;
  l.kernel = r.get<int32_t>();
  l.buffers = r.get_all<int32_t>();
  l.arguments.resize(r.get_count(5));
  for (ProgramArgument& a : l.arguments) {
    a.kind = r.get_enum(ProgramArgument::Kind::narrow);
    a.index = r.get<int32_t>();
  }
  l.phases.resize(r.get_count(13));
  for (ProgramPhase& phase : l.phases) {
    for (int32_t* e : {&phase.chunks, &phase.bytes, &phase.flops})
      *e = r.get<int32_t>();
    phase.joined = r.get_bool();
  }
  for (int32_t* v : {&l.scratch_bytes, &l.threads, &l.most_blocks})
    *v = r.get<int32_t>();
  l.writes_leaf = r.get_bool();
  l.ops = r.get_all<int32_t>();
  return l;
}

void put(ByteWriter& w, const ProgramBuffer& b) {
  w.put(b.kind);
  w.put(b.index);
  w.put(b.offset);
  w.put(b.bytes);
  w.put(b.host);
}

ProgramBuffer get_buffer(ByteReader& r) {
  ProgramBuffer b;
  b.kind = r.get_enum(ProgramBuffer::Kind::temporary);
  b.index = r.get<int32_t>();
  b.offset = r.get<int32_t>();
  b.bytes = r.get<int32_t>();
  b.host = r.get<int32_t>();
  return b;
}

void put(ByteWriter& w, const ProgramTileBody& body) {
  w.put_count(body.buffers.size());
  for (const ProgramBuffer& b : body.buffers)
    put(w, b);
  w.put_count(body.launches.size());
  for (const ProgramLaunch& l : body.launches)
    put(w, l);
  w.put(body.arena_bytes);
}

ProgramTileBody get_tile_body(ByteReader& r) {
  ProgramTileBody body;
  body.buffers.resize(r.get_count(17));
  for (ProgramBuffer& b : body.buffers)
    b = get_buffer(r);
  body.launches.resize(r.get_count(33));
  for (ProgramLaunch& l : body.launches)
    l = get_launch(r);
  body.arena_bytes = r.get<int32_t>();
  return body;
}

void put(ByteWriter& w, const ProgramTileBlocks& blocks) {
  w.put(blocks.length);
  put(w, blocks.none);
  put(w, blocks.block);
  w.put(static_cast<uint8_t>(blocks.rest.has_value()));
  if (blocks.rest) put(w, *blocks.rest);
  for (int32_t bytes : blocks.state_bytes)
    w.put(bytes);
}

ProgramTileBlocks get_tile_blocks(ByteReader& r) {
  ProgramTileBlocks blocks;
  blocks.length = r.get<int64_t>();
  blocks.none = get_tile_body(r);
  blocks.block = get_tile_body(r);
  if (r.get_bool()) blocks.rest = get_tile_body(r);
  for (int32_t& bytes : blocks.state_bytes)
    bytes = r.get<int32_t>();
  return blocks;
}

void put(ByteWriter& w, const ProgramTiles& tiles) {
  w.put_all(tiles.counts);
  w.put_all(tiles.steps);
  w.put_all(tiles.extents);
  put(w, tiles.body);
  w.put(static_cast<uint8_t>(tiles.visible.has_value()));
  if (tiles.visible) put(w, *tiles.visible);
  w.put(static_cast<uint8_t>(tiles.visible_by_rows));
  w.put(static_cast<uint8_t>(tiles.guards.has_value()));
  if (tiles.guards) put(w, *tiles.guards);
  w.put(static_cast<uint8_t>(tiles.blocks.has_value()));
  if (tiles.blocks) put(w, *tiles.blocks);
  w.put(tiles.columns);
}

ProgramTiles get_tiles(ByteReader& r) {
  ProgramTiles tiles;
  tiles.counts = r.get_all<int32_t>();
  tiles.steps = r.get_all<int32_t>();
  tiles.extents = r.get_all<int32_t>();
  tiles.body = get_tile_body(r);
  if (r.get_bool()) tiles.visible = get_tile_body(r);
  tiles.visible_by_rows = r.get_bool();
  if (r.get_bool()) tiles.guards = get_tile_body(r);
  if (r.get_bool()) tiles.blocks = get_tile_blocks(r);
  tiles.columns = r.get<int64_t>();
  return tiles;
}

void put_plan(ByteWriter& w, const Program& p) {
  w.put_count(p.exprs.size());
  for (const ProgramExpr& e : p.exprs) {
    w.put(e.kind);
    w.put(e.a);
    w.put(e.b);
    w.put(e.value);
  }
  w.put_count(p.symbols.size());
  for (const ProgramSymbol& s : p.symbols) {
    w.put(s.kind);
    w.put(s.index);
    w.put(s.dim);
  }
  w.put_count(p.buffers.size());
  for (const ProgramBuffer& b : p.buffers)
    put(w, b);
  w.put_count(p.outputs.size());
  for (const ProgramOutput& o : p.outputs) {
    w.put(o.value);
    w.put(o.dtype);
    w.put(o.bytes);
  }
  w.put_count(p.launches.size());
  for (const ProgramLaunch& l : p.launches)
    put(w, l);
  w.put(p.arena_bytes);
}

void get_plan(ByteReader& r, Program& p) {
  p.exprs.resize(r.get_count(17));
  for (ProgramExpr& e : p.exprs) {
    e.kind = r.get_enum(ProgramExpr::Kind::max);
    e.a = r.get<int32_t>();
    e.b = r.get<int32_t>();
    e.value = r.get<int64_t>();
  }
  p.symbols.resize(r.get_count(9));
  for (ProgramSymbol& s : p.symbols) {
    s.kind = r.get_enum(ProgramSymbol::Kind::attribute);
    s.index = r.get<int32_t>();
    s.dim = r.get<int32_t>();
  }
  p.buffers.resize(r.get_count(17));
  for (ProgramBuffer& b : p.buffers)
    b = get_buffer(r);
  p.outputs.resize(r.get_count(9));
  for (ProgramOutput& o : p.outputs) {
    o.value = r.get<int32_t>();
    o.dtype = r.get_enum(DType::u8);
    o.bytes = r.get<int32_t>();
  }
  p.launches.resize(r.get_count(33));
  for (ProgramLaunch& l : p.launches)
    l = get_launch(r);
  p.arena_bytes = r.get<int32_t>();
}

void put(ByteWriter& w, const ProgramRoutine& routine) {
  w.put_text(routine.op);
  w.put_count(routine.views.size());
  for (const ProgramView& v : routine.views) {
    w.put(v.dtype);
    w.put(v.offset);
    w.put_all(v.sizes);
    w.put_all(v.strides);
  }
  w.put_all(routine.structure);
  w.put_all(routine.sizes);
  w.put_count(routine.scalars.size());
  for (Scalar::Kind kind : routine.scalars)
    w.put(kind);
  w.put(routine.error);
}

ProgramRoutine get_routine(ByteReader& r) {
  ProgramRoutine routine;
  routine.op = r.get_text();
  routine.views.resize(r.get_count(13));
  for (ProgramView& v : routine.views) {
    v.dtype = r.get_enum(DType::u8);
    v.offset = r.get<int32_t>();
    v.sizes = r.get_all<int32_t>();
    v.strides = r.get_all<int32_t>();
  }
  routine.structure = r.get_all<int64_t>();
  routine.sizes = r.get_all<int32_t>();
  routine.scalars.resize(r.get_count(1));
  for (Scalar::Kind& kind : routine.scalars)
    kind = r.get_enum(Scalar::Kind::floating);
  routine.error = r.get<int32_t>();
  return routine;
}

void put(ByteWriter& w, const ProgramRemark& m) {
  w.put(m.kind);
  w.put(m.bytes);
  w.put(m.position);
  w.put(m.other_position);
  for (const std::string* text : {&m.op, &m.other, &m.reason, &m.text})
    w.put_text(*text);
}

ProgramRemark get_remark(ByteReader& r) {
  ProgramRemark m;
  m.kind = r.get_enum(ProgramRemark::Kind::left_out);
  m.bytes = r.get<int64_t>();
  m.position = r.get<int32_t>();
  m.other_position = r.get<int32_t>();
  for (std::string* text : {&m.op, &m.other, &m.reason, &m.text})
    *text = r.get_text();
  return m;
}

void put(ByteWriter& w, const ProgramPanels& p) {
  w.put_text(p.symbol);
  w.put(p.buffer);
  w.put(p.count);
  w.put(p.bytes);
  w.put_text(p.layout);
}

ProgramPanels get_panels(ByteReader& r) {
  ProgramPanels p;
  p.symbol = r.get_text();
  p.buffer = r.get<int32_t>();
  p.count = r.get<int64_t>();
  p.bytes = r.get<int64_t>();
  p.layout = r.get_text();
  return p;
}

void put_texts(ByteWriter& w, const Program& p) {
  w.put_count(p.kernels.size());
  for (const ProgramKernel& k : p.kernels) {
    w.put_text(k.symbol);
    w.put_text(k.summary);
    w.put(static_cast<uint8_t>(k.routine.has_value()));
    if (k.routine) put(w, *k.routine);
    w.put(static_cast<uint8_t>(k.tiles.has_value()));
    if (k.tiles) put(w, *k.tiles);
    w.put_count(k.panels.size());
    for (const ProgramPanels& panels : k.panels)
      put(w, panels);
  }
  w.put_count(p.errors.size());
  for (const ProgramError& e : p.errors) {
    w.put_text(e.message);
    w.put(e.location);
    w.put(static_cast<uint8_t>(e.kind));
  }
  w.put_count(p.locations.size());
  for (const SourceLine& l : p.locations) {
    w.put_text(l.file);
    w.put_text(l.function);
    w.put(l.line);
  }
  w.put_count(p.stages.size());
  for (const ProgramStage& s : p.stages) {
    w.put(s.kernel);
    w.put_text(s.stage);
    w.put_text(s.text);
    w.put_all(s.line_ops);
  }
  w.put_count(p.remarks.size());
  for (const ProgramRemark& m : p.remarks)
    put(w, m);
  put_steps(w, p.steps);
}

void get_texts(ByteReader& r, Program& p) {
  p.kernels.resize(r.get_count(18));
  for (ProgramKernel& k : p.kernels) {
    k.symbol = r.get_text();
    k.summary = r.get_text();
    if (r.get_bool()) k.routine = get_routine(r);
    if (r.get_bool()) k.tiles = get_tiles(r);
    k.panels.resize(r.get_count(28));
    for (ProgramPanels& panels : k.panels)
      panels = get_panels(r);
  }
  p.errors.resize(r.get_count(13));
  for (ProgramError& e : p.errors) {
    e.message = r.get_text();
    e.location = r.get<int32_t>();
    e.kind = r.get_enum(ErrorKind::internal);
  }
  p.locations.resize(r.get_count(20));
  for (SourceLine& l : p.locations) {
    l.file = r.get_text();
    l.function = r.get_text();
    l.line = r.get<uint32_t>();
  }
  p.stages.resize(r.get_count(24));
  for (ProgramStage& s : p.stages) {
    s.kernel = r.get<int32_t>();
    s.stage = r.get_text();
    s.text = r.get_text();
    s.line_ops = r.get_all<int32_t>();
  }
  p.remarks.resize(r.get_count(49));
  for (ProgramRemark& m : p.remarks)
    m = get_remark(r);
  p.steps = get_steps(r);
}

} // namespace

const char* words_of(ProgramRemark::Kind kind) {
  constexpr const char* words[] = {"does not join", "runs in the launch of",
                                   "is computed again for", "is left to"};
  return words[static_cast<int>(kind)];
}

void put_steps(ByteWriter& w, const std::vector<CompileStep>& steps) {
  w.put_count(steps.size());
  for (const CompileStep& s : steps) {
    w.put_text(s.name);
    w.put(s.kernel);
    w.put(s.start_ms);
    w.put(s.ms);
  }
}

std::vector<CompileStep> get_steps(ByteReader& r) {
  std::vector<CompileStep> steps(r.get_count(28));
  for (CompileStep& s : steps) {
    s.name = r.get_text();
    s.kernel = r.get<int32_t>();
    s.start_ms = r.get<double>();
    s.ms = r.get<double>();
  }
  return steps;
}

std::string Program::serialize() const {
  ByteWriter w;
  w.put(kMagic);
  w.put(version);
  w.put_text(target);
  w.put(device);
  w.put(slower_by);
  put_plan(w, *this);
  put_texts(w, *this);
  w.put_text(code);
  return w.take();
}

Program Program::deserialize(std::span<const uint8_t> bytes) {
  ByteReader r(bytes, "program");
  Program p;
  r.check(r.get<uint32_t>() == kMagic, "they start otherwise");
  p.version = r.get<uint32_t>();
  r.check(p.version == kProgramVersion, "its version is another");
  p.target = r.get_text();
  p.device = r.get_enum(DeviceType::cuda);
  p.slower_by = r.get<double>();
  get_plan(r, p);
  get_texts(r, p);
  p.code = r.get_text();
  r.finish();
  p.validate();
  return p;
}

} // namespace weft
