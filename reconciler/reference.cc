#include "reconciler/reference.h"

#include <algorithm>
#include <deque>
#include <set>

#include "reconciler/schema.h"

namespace fairlead {
namespace {

// A "|" would end the cell.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? "\\|" : std::string(1, c);
  return escaped;
}

std::string code(const Json& value) {
  return "`" + (value.is_string() ? value.as_string() : value.dump()) + "`";
}

std::string range(const Json& schema, const std::string& noun) {
  if (!schema.has("minimum")) return noun;
  if (!schema.has("maximum")) return noun + ", at least " + schema["minimum"].dump();
  return noun + ", " + schema["minimum"].dump() + ".." + schema["maximum"].dump();
}

std::string kind(const Json& schema) {
  if (!schema["enum"].empty()) {
    std::vector<std::string> words;
    for (const Json& word : schema["enum"].items()) words.push_back(code(word));
    return either(words);
  }
  if (schema.has("title")) return schema["title"].as_string();
  const std::string& type = schema["type"].as_string();
  if (type == "integer") return range(schema, "a whole number");
  return type == "boolean" ? "true or false" : "text";
}

std::string row(const std::string& key, const Json& schema, bool required) {
  const std::string otherwise = required ? "required" : "";
  return "| `" + key + "` | " + cell(kind(schema)) + " | " +
         (schema.has("default") ? cell(code(schema["default"])) : otherwise) + " | " +
         cell(schema["description"].as_string()) + " |\n";
}

// One map to describe, with the name that it has in a manifest.
struct Section {
  std::string name;
  Json schema;  // as written: a `$ref` tells that it has been described before
};

class Reference {
 public:
  Reference(const Schema& schema, std::string heading) : root_(schema.source()) {
    waiting_.push_back({"", root_});
    text_ = "### " + std::move(heading) + "\n\n";
  }

  std::string write() {
    while (!waiting_.empty()) {
      const Section section = std::move(waiting_.front());
      waiting_.pop_front();
      describe(section);
    }
    return text_;
  }

 private:
  void describe(const Section& section) {
    const Json schema = resolve_reference(section.schema, root_);
    if (!section.name.empty()) text_ += "#### `" + section.name + "`\n\n";
    text_ += schema["description"].as_string() + "\n\n";
    text_ += "| field | is | default | meaning |\n|---|---|---|---|\n";
    const auto& required = schema["required"].items();
    for (const auto& [key, property] : schema["properties"].members()) {
      const bool must = std::find(required.begin(), required.end(), Json(key)) != required.end();
      text_ += row(key, resolve_reference(property, root_), must);
    }
    text_ += "\n";
    for (const auto& [key, property] : schema["properties"].members()) {
      enqueue(section.name.empty() ? key : section.name + "." + key, property);
    }
  }

  // The maps in a value: itself, the items of a list, the values behind free names.
  void enqueue(const std::string& name, const Json& written) {
    const Json schema = resolve_reference(written, root_);
    const Json& items = schema["items"];
    if (items.is_object()) enqueue(name + "[]", items);
    for (const Json& branch : schema["anyOf"].items()) enqueue(name, branch);
    if (schema["additionalProperties"].is_object()) {
      enqueue(name + ".NAME", schema["additionalProperties"]);
    }
    if (!schema.has("properties")) return;
    const std::string& reference = written["$ref"].as_string();
    if (!reference.empty() && !described_.insert(reference).second) return;
    waiting_.push_back({name, written});
  }

  const Json& root_;
  std::deque<Section> waiting_;
  std::set<std::string> described_;
  std::string text_;
};

}  // namespace

std::string manifest_reference_markdown() {
  return Reference(app_schema(), "Manifest").write() +
         Reference(platform_schema(), "Platform file").write();
}

}  // namespace fairlead
