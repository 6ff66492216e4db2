#include "reconciler/json_sieve.h"

#include <algorithm>

namespace fairlead {
namespace {

constexpr std::size_t entry_name_max = 128;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool matches(const std::string& part, const std::string& key) {
  if (part.empty() || part.back() != '*') return part == key;
  return key.compare(0, part.size() - 1, part, 0, part.size() - 1) == 0;
}

}  // namespace

JsonSieve::JsonSieve(const std::vector<std::string>& keep) {
  for (const std::string& path : keep) {
    Pattern pattern;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      pattern.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
    patterns_.push_back(std::move(pattern));
  }
  next_.kept = true;
  for (const Pattern& pattern : patterns_) next_.follows.push_back({&pattern, 0});
}

void JsonSieve::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::broken) {
    std::size_t taken = 1;
    if (state_ == State::text) {
      taken = take_text(bytes);
    } else {
      take_char(bytes.front());
    }
    if (entry_depth_ > 0) entry_.bytes += taken;
    bytes.remove_prefix(taken);
  }
}

std::string JsonSieve::largest() const {
  const Entry& most = entry_depth_ > 0 && entry_.bytes > largest_.bytes ? entry_ : largest_;
  if (most.bytes == 0) return "";
  return (most.name.empty() ? "one without a name" : most.name) + ", " +
         std::to_string(most.bytes) + " bytes";
}

bool JsonSieve::writes() const { return next_.kept; }

void JsonSieve::take_char(char c) {
  if (state_ == State::scalar) {
    if (!is_space(c) && c != ',' && c != ']' && c != '}') {
      if (writes()) out_ += c;
      return;
    }
    value_ended();
  }
  if (is_space(c)) return;
  switch (state_) {
    case State::item_or_end:
      if (c == ']') return close(false, c);
      return begin_value(c);
    case State::value:
      return begin_value(c);
    case State::key_or_end:
      if (c == '}') return close(true, c);
      [[fallthrough]];
    case State::key:
      if (c != '"') return fail();
      is_key_ = true;
      return begin_text();
    case State::colon:
      if (c != ':') return fail();
      state_ = State::value;
      return;
    case State::comma_or_end:
      if (c == ',') {
        state_ = levels_.back().object ? State::key : State::value;
        return;
      }
      if (c == '}' || c == ']') return close(c == '}', c);
      return fail();
    default:  // behind the end
      return fail();
  }
}

// What comes behind a fault is not looked at, and what is kept is no JSON either.
void JsonSieve::fail() {
  out_ += '!';
  state_ = State::broken;
}

// The comma before what is written next, and its key.
void JsonSieve::separate() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.any) out_ += ',';
  level.any = true;
  if (level.object) out_ += '"' + key_ + "\":";
}

void JsonSieve::begin_value(char c) {
  if (!levels_.empty() && !levels_.back().object) {
    // An item is followed as its array is.
    next_ = levels_.back();
    next_.any = false;
  }
  if (writes()) separate();
  if (c == '{' || c == '[') return open(c == '{');
  if (c == '"') {
    is_key_ = false;
    if (writes()) out_ += c;
    return begin_text();
  }
  // Whether it is one of JSON's words or a number is for the parser of what is kept to say.
  if (c == ',' || c == ':' || c == '}' || c == ']') return fail();
  state_ = State::scalar;
  if (writes()) out_ += c;
}

void JsonSieve::open(bool object) {
  if (levels_.size() >= depth_max) return fail();
  if (entry_depth_ == 0 && object && !levels_.empty() && !levels_.back().object) {
    entry_depth_ = levels_.size() + 1;
    entry_ = {};
  }
  next_.object = object;
  next_.any = false;
  if (writes()) out_ += object ? '{' : '[';
  levels_.push_back(std::move(next_));
  next_ = Level();
  state_ = object ? State::key_or_end : State::item_or_end;
}

void JsonSieve::close(bool object, char c) {
  if (levels_.empty() || levels_.back().object != object) return fail();
  if (levels_.back().kept) out_ += c;
  if (entry_depth_ == levels_.size()) {
    entry_depth_ = 0;
    ++entry_.bytes;
    if (entry_.bytes > largest_.bytes) largest_ = std::move(entry_);
  }
  levels_.pop_back();
  value_ended();
}

void JsonSieve::value_ended() { state_ = levels_.empty() ? State::end : State::comma_or_end; }

void JsonSieve::begin_text() {
  state_ = State::text;
  cut_ = false;
  escape_ = 0;
  high_ = false;
  length_ = 0;
  name_.clear();
  names_ = !is_key_ && may_name();
  if (is_key_) key_.clear();
}

std::size_t JsonSieve::take_text(std::string_view bytes) {
  // What is not written can be passed over quickly.
  if (escape_ == 0 && !is_key_ && !names_ && (cut_ || !writes())) {
    const std::size_t plain = std::min(bytes.find_first_of("\"\\"), bytes.size());
    if (plain > 0) return plain;
  }
  const char c = bytes.front();
  if (escape_ == 0 && c == '"') {
    end_text();
    return 1;
  }
  const bool within =
      escape_ > 0 || (high_ && c == '\\') || (static_cast<unsigned char>(c) & 0xC0) == 0x80;
  cut_ = cut_ || (!within && length_ >= (is_key_ ? key_max : string_max));
  ++length_;
  take_escape(c);
  if (cut_) return 1;
  if (is_key_) {
    key_ += c;
  } else {
    if (writes()) out_ += c;
    if (names_ && name_.size() < entry_name_max) name_ += c;
  }
  return 1;
}

void JsonSieve::end_text() {
  if (is_key_) return end_key();
  if (writes()) out_ += '"';
  note_name();
  value_ended();
}

void JsonSieve::take_escape(char c) {
  if (escape_ == 0) {
    high_ = high_ && c == '\\';
    escape_ = c == '\\' ? 1 : 0;
  } else if (escape_ == 1 && c == 'u') {
    escape_ = 4;
  } else {
    // D800 to DBFF.
    if (escape_ == 4) high_ = c == 'd' || c == 'D';
    if (escape_ == 3) high_ = high_ && std::string_view("89abAB").find(c) != std::string_view::npos;
    --escape_;
  }
}

// Whether the text that comes is a direct member of the entry, or in a list that is, and a name.
bool JsonSieve::may_name() const {
  const bool in_list = !levels_.empty() && !levels_.back().object;
  if (entry_depth_ == 0 || levels_.size() != entry_depth_ + (in_list ? 1 : 0)) return false;
  return key_ == "Name" || key_ == "Names" || key_ == "RepoTags" || key_ == "Id";
}

// The first name counts; an id does where there is none.
void JsonSieve::note_name() {
  if (!names_) return;
  const bool is_id = key_ == "Id";
  const bool lacks = entry_.name.empty() || entry_.name.front() == '#';
  if (is_id ? entry_.name.empty() : lacks) entry_.name = (is_id ? "#" : "") + name_;
}

void JsonSieve::end_key() {
  const Level& level = levels_.back();
  next_ = Level();
  next_.whole = level.whole;
  for (const Follows& follows : level.follows) {
    if (level.whole || !matches((*follows.pattern)[follows.met], key_)) continue;
    const bool last = follows.met + 1 == follows.pattern->size();
    next_.whole = next_.whole || last;
    if (!last) next_.follows.push_back({follows.pattern, follows.met + 1});
  }
  next_.kept = level.kept && !cut_ && (next_.whole || !next_.follows.empty());
  state_ = State::colon;
}

}  // namespace fairlead
