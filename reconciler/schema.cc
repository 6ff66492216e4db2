#include "reconciler/schema.h"

#include <rapidjson/document.h>
#include <rapidjson/schema.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "reconciler/check.h"
#include "schemas/app.h"
#include "schemas/platform.h"

namespace fairlead {

struct Schema::Node {
  std::string title;
  std::vector<std::string> types;  // empty: any
  std::vector<std::string> words;  // enum; empty: any
  std::optional<double> minimum, maximum;
  std::optional<std::size_t> length_min, length_max;  // of text, lists and maps alike
  // RapidJSON's own matcher, as a schema of one pattern: linear in the text, unlike std::regex.
  std::unique_ptr<const rapidjson::SchemaDocument> pattern;
  std::vector<std::pair<std::string, std::unique_ptr<const Node>>> properties;
  std::vector<std::string> required;
  bool closed = false;                           // additionalProperties: false
  std::unique_ptr<const Node> additional;        // of keys beyond `properties`
  std::unique_ptr<const Node> items;             // of a list
  std::vector<std::unique_ptr<const Node>> any;  // by type: at most one of them takes a value
};

namespace {

using Node = Schema::Node;

constexpr std::size_t findings_max = 100;
constexpr std::size_t value_shown_max = 60;
constexpr std::size_t message_max = 400;

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> found;
  for (const Json& item : list.items()) found.push_back(item.as_string());
  return found;
}

std::optional<std::size_t> size_of(const Json& schema, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (schema.has(name)) return static_cast<std::size_t>(schema[name].as_int());
  }
  return std::nullopt;
}

std::unique_ptr<const rapidjson::SchemaDocument> compile_pattern(const std::string& pattern) {
  const Json schema = Json::object({{"type", "string"}, {"pattern", pattern}});
  rapidjson::Document parsed;
  parsed.Parse(schema.dump().c_str());
  FAIRLEAD_CHECK(!parsed.HasParseError());
  return std::make_unique<const rapidjson::SchemaDocument>(parsed);
}

std::unique_ptr<const Node> compile(const Json& schema, const Json& root);

void compile_members(const Json& schema, const Json& root, Node& node) {
  for (const auto& [key, property] : schema["properties"].members()) {
    node.properties.emplace_back(key, compile(property, root));
  }
  node.required = texts(schema["required"]);
  const Json& additional = schema["additionalProperties"];
  node.closed = additional.is_bool() && !additional.as_bool();
  if (additional.is_object()) node.additional = compile(additional, root);
}

std::unique_ptr<const Node> compile(const Json& written, const Json& root) {
  const Json schema = resolve_reference(written, root);
  auto node = std::make_unique<Node>();
  node->title = schema["title"].as_string();
  node->types = texts(schema["type"]);
  if (schema["type"].is_string()) node->types.push_back(schema["type"].as_string());
  node->words = texts(schema["enum"]);
  if (schema.has("minimum")) node->minimum = schema["minimum"].as_double();
  if (schema.has("maximum")) node->maximum = schema["maximum"].as_double();
  node->length_min = size_of(schema, {"minLength", "minItems", "minProperties"});
  node->length_max = size_of(schema, {"maxLength", "maxItems", "maxProperties"});
  if (schema.has("pattern")) node->pattern = compile_pattern(schema["pattern"].as_string());
  compile_members(schema, root, *node);
  if (schema.has("items")) node->items = compile(schema["items"], root);
  for (const Json& branch : schema["anyOf"].items()) node->any.push_back(compile(branch, root));
  return node;
}

std::string type_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "boolean";
  if (value.is_int()) return "integer";
  if (value.is_number()) return "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

bool takes(const Node& node, const Json& value) {
  if (node.types.empty()) return true;
  const std::string type = type_of(value);
  return std::any_of(node.types.begin(), node.types.end(), [&](const std::string& allowed) {
    return allowed == type || (allowed == "number" && type == "integer");
  });
}

std::string type_name(const std::string& type) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> names{
      {{"object", "a map"},
       {"array", "a list"},
       {"string", "text"},
       {"integer", "a whole number"},
       {"number", "a number"},
       {"boolean", "true or false"}}};
  for (const auto& [known, name] : names) {
    if (known == type) return std::string(name);
  }
  return "nothing";
}

// Text in quotes on one line; of long text the front, without a character cut in two.
std::string in_quotes(const std::string& text) {
  std::size_t end = std::min(value_shown_max, text.size());
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  std::string shown = "\"";
  for (const char c : text.substr(0, end)) {
    shown += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  }
  return shown + (end < text.size() ? "…\"" : "\"");
}

std::string number_text(double number) {
  const auto whole = static_cast<std::int64_t>(number);
  return static_cast<double>(whole) == number ? std::to_string(whole) : Json(number).dump();
}

// What a value of this schema looks like.
std::string wish(const Node& node) {
  if (!node.title.empty()) return node.title;
  if (!node.words.empty()) {
    return (node.words.size() > 1 ? "one of " : "") + either(node.words);
  }
  std::vector<std::string> wishes;
  for (const std::string& type : node.types) wishes.push_back(type_name(type));
  for (const auto& branch : node.any) wishes.push_back(wish(*branch));
  return either(wishes);
}

// One walk over one document.
class Walker {
 public:
  Walker(const Document& document, Findings& findings) : document_(document), findings_(findings) {}

  void check(const Node& node, const Json& value, const std::string& path) {
    if (!node.any.empty()) return check_any(node, value, path);
    if (!takes(node, value)) return refuse_type(node, value, path);
    if (value.is_string()) check_text(node, value, path);
    if (value.is_number()) check_number(node, value, path);
    if (value.is_array()) check_list(node, value, path);
    if (value.is_object()) check_map(node, value, path);
  }

 private:
  void check_any(const Node& node, const Json& value, const std::string& path) {
    for (const auto& branch : node.any) {
      if (takes(*branch, value)) return check(*branch, value, path);
    }
    refuse_type(node, value, path);
  }

  void refuse_type(const Node& node, const Json& value, const std::string& path) {
    const bool wants_text =
        std::find(node.types.begin(), node.types.end(), "string") != node.types.end();
    const bool wants_scalar =
        wants_text || (!takes(node, Json::array()) && !takes(node, Json::object()));
    std::string message = "must be " + wish(node) + ", got " +
                          (value.is_string() && !wants_scalar ? "text" : shown(value, path));
    if (value.is_null()) message += ": give it a value or leave the key out";
    const bool scalar = value.is_number() || value.is_bool();
    if (wants_text && scalar && !node.pattern) message += ": put it in quotes";
    findings_.add(path, std::move(message));
  }

  void check_text(const Node& node, const Json& value, const std::string& path) {
    const std::string& text = value.as_string();
    const bool known = node.words.empty() ||
                       std::find(node.words.begin(), node.words.end(), text) != node.words.end();
    if (!known) {
      const auto near = nearest_word(text, node.words);
      const std::string hint = near ? ": did you mean \"" + *near + "\"?" : "";
      findings_.add(path, "must be " + wish(node) + ", got " + shown(value, path) + hint);
    } else if (node.length_max && text.size() > *node.length_max) {
      findings_.add(path, "must have at most " + std::to_string(*node.length_max) +
                              " characters, got " + std::to_string(text.size()));
    } else if ((node.length_min && text.size() < *node.length_min) || !matches(node, text)) {
      const std::string wanted = node.title.empty() && text.empty() ? "some text" : wish(node);
      findings_.add(path, "must be " + wanted + ", got " + shown(value, path));
    }
  }

  static bool matches(const Node& node, const std::string& text) {
    if (!node.pattern) return true;
    // `$` of a pattern is the end of the text; RapidJSON takes a string up to its first NUL.
    rapidjson::SchemaValidator validator(*node.pattern);
    return text.find('\0') == std::string::npos &&
           validator.String(text.c_str(), static_cast<rapidjson::SizeType>(text.size()), false);
  }

  void check_number(const Node& node, const Json& value, const std::string& path) {
    const double number = value.as_double();
    const bool below = node.minimum && number < *node.minimum;
    const bool above = node.maximum && number > *node.maximum;
    if (!below && !above) return;
    std::string range;
    if (node.minimum && node.maximum) {
      range = number_text(*node.minimum) + ".." + number_text(*node.maximum);
    } else {
      range = below ? "at least " + number_text(*node.minimum)
                    : "at most " + number_text(*node.maximum);
    }
    findings_.add(path, "must be " + range + ", got " + shown(value, path));
  }

  void check_list(const Node& node, const Json& value, const std::string& path) {
    check_size(node, value, value.items().size(), path);
    if (!node.items) return;
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      check(*node.items, value.items()[i], path + "[" + std::to_string(i) + "]");
    }
  }

  void check_size(const Node& node, const Json& value, std::size_t size, const std::string& path) {
    if (node.length_min && size < *node.length_min) {
      findings_.add(
          path, "must be " + wish(node) + ", got an empty " + (value.is_array() ? "list" : "map"));
    } else if (node.length_max && size > *node.length_max) {
      findings_.add(path, "must have at most " + std::to_string(*node.length_max) +
                              (value.is_array() ? " items, got " : " keys, got ") +
                              std::to_string(size));
    }
  }

  void check_map(const Node& node, const Json& value, const std::string& path) {
    check_size(node, value, value.members().size(), path);
    for (const std::string& key : node.required) {
      if (!value.has(key)) findings_.add(below(path, key), "is missing");
    }
    for (const auto& [key, member] : value.members()) {
      if (const Node* known = property_of(node, key)) {
        check(*known, member, below(path, key));
      } else if (node.additional) {
        check(*node.additional, member, below(path, key));
      } else if (node.closed) {
        findings_.add(below(path, key), unknown_key(node, key));
      }
    }
  }

  static const Node* property_of(const Node& node, const std::string& key) {
    for (const auto& [name, property] : node.properties) {
      if (name == key) return property.get();
    }
    return nullptr;
  }

  static std::string below(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  static std::string unknown_key(const Node& node, const std::string& key) {
    std::vector<std::string> known;
    for (const auto& property : node.properties) known.push_back(property.first);
    if (const auto near = nearest_word(key, known)) {
      return "unknown key, did you mean \"" + *near + "\"?";
    }
    return "unknown key; known are " + either(known);
  }

  std::string shown(const Json& value, const std::string& path) const {
    if (value.is_null()) return "nothing";
    if (value.is_array()) return "a list";
    if (value.is_object()) return "a map";
    const std::string text = spelled(document_, path, value);
    return value.is_string() || text.size() > value_shown_max ? in_quotes(text) : text;
  }

  const Document& document_;
  Findings& findings_;
};

// Steps from one word to the other: a letter added, left out, replaced, or two swapped.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

// What users of Docker Compose write first.
std::optional<std::string> translated(const std::string& word,
                                      const std::vector<std::string>& known) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 17> words{
      {{"environment", "env"},
       {"ports", "expose"},
       {"depends_on", "after"},
       {"healthcheck", "health"},
       {"volumes", "mounts"},
       {"extra_hosts", "hosts"},
       {"working_dir", "workdir"},
       {"stop_grace_period", "stop_grace"},
       {"services", "processes"},
       {"source", "host"},
       {"target", "path"},
       {"limits", "resources"},
       {"mem_limit", "resources"},
       {"replicas", "deploy"},
       {"test", "command"},
       {"host", "domains"},
       {"domain", "domains"}}};
  for (const auto& [foreign, own] : words) {
    if (word == foreign && std::find(known.begin(), known.end(), own) != known.end()) {
      return std::string(own);
    }
  }
  return std::nullopt;
}

}  // namespace

void Findings::add(const std::string& path, std::string message) {
  // It repeats what was written, which may be long, and is told again and again.
  if (message.size() > message_max) {
    std::size_t end = message_max;
    while ((static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
    message = message.substr(0, end) + "…";
  }
  if (found_.size() < findings_max) found_.emplace(path, std::move(message));
}

std::vector<Error> Findings::errors() const {
  std::vector<std::tuple<int, int, std::string>> order;
  for (const auto& [path, message] : found_) {
    const Mark& mark = document_.where(path);
    order.emplace_back(mark.line, mark.column, path);
  }
  std::sort(order.begin(), order.end());
  std::vector<Error> errors;
  for (const auto& [line, column, path] : order) {
    const std::string& message = found_.at(path);
    errors.push_back({Code::invalid, path.empty() ? message : path + ": " + message,
                      document_.where(path).text()});
  }
  return errors;
}

Schema::Schema(std::string_view text) {
  auto parsed = Json::parse(text);
  FAIRLEAD_CHECK(parsed.ok());
  source_ = std::move(parsed).value();
  root_ = compile(source_, source_);
}

Schema::~Schema() = default;

void Schema::check(const Document& document, Findings& findings) const {
  Walker(document, findings).check(*root_, document.value, "");
}

const Schema& app_schema() {
  static const Schema schema(schemas::app);
  return schema;
}

const Schema& platform_schema() {
  static const Schema schema(schemas::platform);
  return schema;
}

Json resolve_reference(const Json& schema, const Json& root) {
  constexpr std::string_view prefix = "#/definitions/";
  const std::string& reference = schema["$ref"].as_string();
  if (reference.empty()) return schema;
  FAIRLEAD_CHECK(reference.compare(0, prefix.size(), prefix) == 0);
  const Json& definition = root["definitions"][reference.substr(prefix.size())];
  FAIRLEAD_CHECK(definition.is_object());
  Json resolved = resolve_reference(definition, root);
  for (const auto& [key, value] : schema.members()) {
    if (key != "$ref") resolved.set(key, value);
  }
  return resolved;
}

std::optional<std::string> nearest_word(const std::string& word,
                                        const std::vector<std::string>& known) {
  constexpr std::size_t length_max = 40;
  if (word.size() > length_max) return std::nullopt;
  if (const auto own = translated(word, known)) return own;
  std::optional<std::string> nearest;
  std::size_t least = std::min<std::size_t>(2, (word.size() + 1) / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t steps = distance(word, candidate);
    if (steps >= least) continue;
    least = steps;
    nearest = candidate;
  }
  return nearest;
}

std::string spelled(const Document& document, const std::string& path, const Json& value) {
  if (value.is_string()) return value.as_string();
  const auto written = document.spellings.find(path);
  return written != document.spellings.end() ? written->second : value.dump();
}

std::string either(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace fairlead
