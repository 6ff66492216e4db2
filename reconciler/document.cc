#include "reconciler/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>
#include <optional>
#include <sstream>

#include "reconciler/source_text.h"

namespace fairlead {
namespace {

// Adding to a map looks at all of its keys; this bounds that for hostile files.
constexpr std::size_t keys_max = 1000;
constexpr std::size_t key_length_max = 256;
constexpr int documents_max = 1000;
// Of all paths together: long keys above many values would multiply.
constexpr std::size_t path_bytes_max = 8u << 20;
constexpr std::size_t document_errors_max = 100;

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::optional<Json> whole_number(std::string_view text) {
  int base = 10;
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0o") {
    base = text[1] == 'x' ? 16 : 8;
    text.remove_prefix(2);
    if (text.empty() || text[0] == '-') return std::nullopt;
  } else if (text.substr(0, 1) == "+") {
    text.remove_prefix(1);
    if (text.substr(0, 1) == "-") return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Json(number);
}

// Nothing for what is no number; infinity for what is beyond a double.
std::optional<double> real_number(std::string_view text) {
  if (!all_of(text, "0123456789+-.eE") || text.find_first_of("0123456789") == text.npos) {
    return std::nullopt;
  }
  if (text[0] == '+') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return HUGE_VAL;
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

bool is_non_finite(std::string_view text) {
  if (text.substr(0, 1) == "+" || text.substr(0, 1) == "-") text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN" ||
         text == ".NAN";
}

// A plain scalar by the YAML 1.2 core schema; nothing for a number that cannot be held.
std::optional<Json> resolve_plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Json();
  }
  if (text == "true" || text == "True" || text == "TRUE") return Json(true);
  if (text == "false" || text == "False" || text == "FALSE") return Json(false);
  if (const auto whole = whole_number(text)) return *whole;
  if (is_non_finite(text)) return std::nullopt;
  if (const auto real = real_number(text)) {
    return std::isfinite(*real) ? std::optional<Json>(*real) : std::nullopt;
  }
  return Json(text);
}

// Only an escape can have brought these in; yaml-cpp makes a bare byte of "\\N" and "\\_".
bool has_bad_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const bool allowed = text[i] == '\t' || text[i] == '\n';
    if (length == 0 || (!allowed && is_control(text.substr(i, length)))) return true;
    i += length;
  }
  return false;
}

// Whether the quoted text at `start` has its second quote. yaml-cpp ends it at the end of the file
// as well, and a file that is half written would pass.
bool is_closed(std::string_view text, std::size_t start) {
  const char quote = start < text.size() ? text[start] : '\0';
  if (quote != '"' && quote != '\'') return true;
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      // Two single quotes stand for one.
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;
    }
  }
  return false;
}

// What yaml-cpp says, in words that tell what to do.
std::string explain_syntax(const std::string& said) {
  if (said == "illegal map value") {
    return "a map cannot begin here: check the indentation, and quote text that holds \": \"";
  }
  if (said == "illegal block entry") return "a list cannot begin here: put \"-\" on its own line";
  if (said == "illegal EOF in scalar") return "a quote is not closed";
  if (said == "end of sequence flow not found") return "\"[\" is not closed";
  if (said == "end of map flow not found") return "\"{\" is not closed";
  if (said == "end of map not found" || said == "end of sequence not found") {
    return "the indentation does not fit to the lines above";
  }
  if (said == "unknown token") return "text cannot begin with this character: quote it";
  if (said == "the referenced anchor is not defined") {
    return "aliases (*name) are not allowed: write the value out, or quote it";
  }
  return said;
}

// One map or list that is not complete yet.
struct Frame {
  Json value;
  Mark mark;
  std::string path;
  std::optional<std::string> key;  // of the value that comes next; lists have none
  bool key_refused = false;        // its value is read and dropped
  Mark key_mark;
};

// Makes Documents of yaml-cpp's events. Lives for one file. What is merely not allowed is noted and
// reading goes on; what exceeds a limit is thrown, as yaml-cpp itself throws, and ends the file.
class DocumentBuilder : public YAML::EventHandler {
 public:
  DocumentBuilder(const std::string& file, const ParseLimits& limits, ParsedFile& parsed)
      : file_(file), limits_(limits), parsed_(parsed) {}

  // The text of the next document and the lines of the file before it. Its marks count from there.
  void begin(std::string_view text, int lines_before) {
    text_ = text;
    lines_before_ = lines_before;
    has_value_ = false;
    was_kept_ = false;
  }

  // A limit of the whole file is reached: nothing more is to be read of it.
  bool exhausted() const { return exhausted_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp takes whatever stands behind a complete value for one more document.
    if (has_value_) {
      throw YAML::ParserException(mark, "the document ended before this: begin another with ---");
    }
    has_value_ = true;
    document_ = Document();
    document_.start = mark_of(mark);
    errors_before_ = parsed_.errors.size();
    in_document_ = true;
  }

  void OnDocumentEnd() override { finish(true); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    count(mark);
    refuse_properties(mark, "?", anchor);
    if (wants_key()) return take_key(mark, "", false);
    // The mark of an empty item is the next line, which may be another value's.
    const bool item = !frames_.empty() && frames_.back().value.is_array();
    place(Json(), item ? frames_.back().mark : mark_of(mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    count(mark);
    refuse(mark_of(mark), "aliases (*name) are not allowed: write the value out");
    if (wants_key()) {
      frames_.back().key = "";
      frames_.back().key_refused = true;
    } else if (!frames_.empty()) {
      frames_.back().key.reset();
    }
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    count(mark);
    const bool plain = tag == "?";
    refuse_properties(mark, tag == "!" && !stands_at(mark, '!') ? "?" : tag, anchor);
    if (has_bad_characters(value)) refuse(mark_of(mark), "control characters are not allowed");
    if (!plain && !is_closed(text_, static_cast<std::size_t>(mark.pos))) {
      throw YAML::ParserException(mark, "a quote is not closed");
    }
    if (wants_key()) return take_key(mark, value, !plain || resolve_plain(value) == Json(value));
    place_scalar(mark, value, plain);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

  // Ends a document that yaml-cpp gave up on: what was read of it is kept as broken.
  void abandon() {
    while (!frames_.empty()) close();
    if (in_document_) finish(false);
    // What was complete is followed by what cannot be read.
    if (was_kept_) {
      parsed_.broken.push_back({std::move(parsed_.documents.back()), true});
      parsed_.documents.pop_back();
      was_kept_ = false;
    }
  }

  Mark mark_of(const YAML::Mark& mark) const {
    return {file_, lines_before_ + mark.line + 1, mark.column + 1};
  }

  // Where the innermost map or list that is still open began.
  std::optional<Mark> innermost() const {
    return frames_.empty() ? std::nullopt : std::optional(frames_.back().mark);
  }

 private:
  bool stands_at(const YAML::Mark& mark, char c) const {
    const auto offset = static_cast<std::size_t>(mark.pos);
    return offset < text_.size() && text_[offset] == c;
  }

  void refuse(const Mark& mark, std::string message) {
    if (parsed_.errors.size() >= document_errors_max) return;
    parsed_.errors.push_back({Code::invalid, std::move(message), mark.text()});
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > limits_.nodes_max) {
      exhaust(mark, "has more than " + std::to_string(limits_.nodes_max) + " values");
    }
  }

  [[noreturn]] void exhaust(const YAML::Mark& mark, const std::string& message) {
    exhausted_ = true;
    throw YAML::ParserException(mark, message);
  }

  void refuse_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark_of(mark), "anchors (&name) are not allowed");
    if (tag != "?" && !tag.empty()) refuse(mark_of(mark), "tags (!name) are not allowed");
  }

  bool wants_key() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }

  void take_key(const YAML::Mark& mark, const std::string& key, bool is_text) {
    Frame& frame = frames_.back();
    frame.key = key;
    frame.key_mark = mark_of(mark);
    frame.key_refused = true;
    if (key.size() > key_length_max) {
      refuse(frame.key_mark, "a key has at most " + std::to_string(key_length_max) + " characters");
    } else if (frame.value.members().size() >= keys_max) {
      throw YAML::ParserException(mark,
                                  "a map has more than " + std::to_string(keys_max) + " keys");
    } else if (key.find_first_of("\n\t") != std::string::npos) {
      refuse(frame.key_mark, "a key must be one line without tabs");
    } else if (!is_text) {
      refuse(frame.key_mark, "a key must be text" + (key.empty() ? "" : ": quote " + key));
    } else if (key == "<<") {
      refuse(frame.key_mark, "merge keys (<<) are not allowed: write the values out");
    } else if (frame.value.has(key)) {
      refuse(frame.key_mark, path_of_next() + ": this key stands here twice");
    } else {
      frame.key_refused = false;
    }
  }

  std::string path_of_next() const {
    if (frames_.empty()) return "";
    const Frame& frame = frames_.back();
    if (frame.value.is_array()) {
      return frame.path + "[" + std::to_string(frame.value.items().size()) + "]";
    }
    return frame.path.empty() ? *frame.key : frame.path + "." + *frame.key;
  }

  void place_scalar(const YAML::Mark& mark, const std::string& text, bool plain) {
    std::optional<Json> value = plain ? resolve_plain(text) : Json(text);
    if (!value) {
      refuse(mark_of(mark), "not a number that can be held: " + text.substr(0, 60));
      value = Json(text);
    }
    if (!value->is_string() && !value->is_null() && value->dump() != text) {
      document_.spellings[path_of_next()] = text;
    }
    place(std::move(*value), mark_of(mark));
  }

  void place(Json value, const Mark& mark) {
    if (frames_.empty()) {
      document_.value = std::move(value);
      note_mark("", mark);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.is_array()) {
      note_mark(path_of_next(), mark);
      frame.value.push(std::move(value));
      return;
    }
    if (!frame.key_refused) {
      note_mark(path_of_next(), frame.key_mark);
      frame.value.set(*frame.key, std::move(value));
    }
    frame.key.reset();
  }

  void note_mark(std::string path, const Mark& mark) {
    // What is left is put together after that, and must not throw again.
    if (exhausted_) return;
    path_bytes_ += path.size();
    if (path_bytes_ > path_bytes_max) exhaust({}, "has too many values below long keys");
    document_.marks.emplace(std::move(path), mark);
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    count(mark);
    refuse_properties(mark, tag, anchor);
    if (static_cast<int>(frames_.size()) >= limits_.depth_max) {
      throw YAML::ParserException(
          mark, "is nested deeper than " + std::to_string(limits_.depth_max) + " levels");
    }
    Frame frame{std::move(value), mark_of(mark), "", std::nullopt, false, {}};
    if (wants_key()) {
      refuse(frame.mark, "a key must be text, not a list or a map");
    } else {
      frame.path = path_of_next();
    }
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    // It was itself the key of a map, which has been reported: its value has no place.
    if (wants_key()) {
      frames_.back().key = "";
      frames_.back().key_refused = true;
      return;
    }
    place(std::move(frame.value), frame.mark);
  }

  void finish(bool whole) {
    in_document_ = false;
    if (!whole || parsed_.errors.size() > errors_before_) {
      parsed_.broken.push_back({std::move(document_), whole});
    } else if (!document_.value.is_null()) {
      parsed_.documents.push_back(std::move(document_));
      was_kept_ = true;
    }
  }

  const std::string& file_;
  std::string_view text_;
  const ParseLimits& limits_;
  ParsedFile& parsed_;
  Document document_;
  std::vector<Frame> frames_;
  std::size_t errors_before_ = 0;
  int lines_before_ = 0;
  bool has_value_ = false;
  bool was_kept_ = false;
  bool in_document_ = false;
  bool exhausted_ = false;
  int nodes_ = 0;
  std::size_t path_bytes_ = 0;
};

bool indented_by_tab(std::string_view text, int line) {
  std::size_t start = 0;
  for (int i = 0; i < line && start != std::string_view::npos; ++i) {
    start = text.find('\n', start);
    if (start != std::string_view::npos) ++start;
  }
  if (start == std::string_view::npos) return false;
  const std::size_t end = text.find_first_not_of(" \t", start);
  return text.substr(start, end - start).find('\t') != std::string_view::npos;
}

Error syntax_error(std::string_view text, const DocumentBuilder& builder,
                   const YAML::Exception& thrown) {
  Mark mark = builder.mark_of(thrown.mark);
  std::string message = explain_syntax(thrown.msg);
  // yaml-cpp puts what is missing at the end of the file, or nowhere.
  if (thrown.msg.substr(0, 7) == "end of " && builder.innermost()) mark = *builder.innermost();
  if (indented_by_tab(text, thrown.mark.line)) {
    message = "tabs cannot indent YAML: use spaces (" + message + ")";
  }
  return {Code::invalid, std::move(message), mark.text()};
}

// The offset behind the document at the front of `text`. A "---" at the beginning of a line begins
// another one wherever it stands, also within quotes.
std::size_t document_end(std::string_view text) {
  for (std::size_t end = text.find("\n---"); end != text.npos; end = text.find("\n---", end + 1)) {
    if (end + 4 == text.size() || std::string_view(" \t\n").find(text[end + 4]) != text.npos) {
      return end + 1;
    }
  }
  return text.size();
}

// One document by a parser of its own: an error in it hurts none of the others.
void parse_document(std::string_view text, DocumentBuilder& builder, const std::string& file,
                    ParsedFile& parsed) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& thrown) {
    parsed.errors.push_back(syntax_error(text, builder, thrown));
    builder.abandon();
  } catch (const std::exception& thrown) {
    parsed.errors.push_back({Code::invalid, std::string("cannot be read: ") + thrown.what(), file});
    builder.abandon();
  }
}

}  // namespace

std::string Mark::text() const {
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line);
  if (line > 0 && column > 0) text += ":" + std::to_string(column);
  return text;
}

const Mark& Document::where(std::string_view path) const {
  while (true) {
    const auto found = marks.find(std::string(path));
    if (found != marks.end()) return found->second;
    if (path.empty()) return start;
    const std::size_t cut = path.find_last_of(".[");
    path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
  }
}

ParsedFile parse_file(const std::string& file, std::string_view text, const ParseLimits& limits) {
  ParsedFile parsed;
  const Result<std::string> source = clean_source(file, text, limits);
  if (!source) {
    parsed.errors.push_back(source.error());
    return parsed;
  }
  DocumentBuilder builder(file, limits, parsed);
  std::string_view rest = *source;
  int lines_before = 0;
  for (int documents = 1; !rest.empty() && !builder.exhausted(); ++documents) {
    if (documents > documents_max) {
      const std::string most = std::to_string(documents_max);
      parsed.errors.push_back({Code::invalid, "has more than " + most + " documents", file});
      break;
    }
    const std::string_view document = rest.substr(0, document_end(rest));
    builder.begin(document, lines_before);
    parse_document(document, builder, file, parsed);
    lines_before += static_cast<int>(std::count(document.begin(), document.end(), '\n'));
    rest.remove_prefix(document.size());
  }
  return parsed;
}

}  // namespace fairlead
