#include "reconciler/schema.h"

#include <doctest/doctest.h>
#include <rapidjson/document.h>
#include <rapidjson/schema.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>

using namespace fairlead;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Calls `visit` for every subschema; `path` tells where it is, `property` that it is a member's.
using Visit = std::function<void(const Json& schema, const std::string& path, bool property)>;

void walk(const Json& schema, const std::string& path, bool property, const Visit& visit) {
  visit(schema, path, property);
  for (const char* group : {"properties", "definitions"}) {
    for (const auto& [key, member] : schema[group].members()) {
      walk(member, path + "/" + group + "/" + key, true, visit);
    }
  }
  for (const char* single : {"items", "additionalProperties"}) {
    if (schema[single].is_object()) walk(schema[single], path + "/" + single, true, visit);
  }
  for (const Json& branch : schema["anyOf"].items()) walk(branch, path + "/anyOf", false, visit);
}

void walk_both(const Visit& visit) {
  walk(app_schema().source(), "app", true, visit);
  walk(platform_schema().source(), "platform", true, visit);
}

std::string checked(const Schema& schema, const std::string& text) {
  const ParsedFile parsed = parse_file("a.yml", text);
  REQUIRE(parsed.errors.empty());
  REQUIRE(parsed.documents.size() == 1);
  Findings findings(parsed.documents[0]);
  schema.check(parsed.documents[0], findings);
  std::string errors;
  for (const Error& error : findings.errors()) errors += error.text() + "\n";
  return errors;
}

// The verdict of RapidJSON's own validator.
class RapidValidator {
 public:
  explicit RapidValidator(const Schema& schema) {
    rapidjson::Document parsed;
    parsed.Parse(schema.source().dump().c_str());
    schema_ = std::make_unique<rapidjson::SchemaDocument>(parsed);
  }

  bool accepts(const Json& value) const {
    rapidjson::Document parsed;
    parsed.Parse(value.dump().c_str());
    rapidjson::SchemaValidator validator(*schema_);
    return parsed.Accept(validator);
  }

 private:
  std::unique_ptr<rapidjson::SchemaDocument> schema_;
};

}  // namespace

TEST_CASE("the schemas use only what RapidJSON 1.1 implements") {
  const std::set<std::string> allowed{
      "$schema",  "$ref",          "title",        "description", "default",
      "examples", "type",          "enum",         "properties",  "definitions",
      "required", "items",         "minItems",     "maxItems",    "additionalProperties",
      "minimum",  "maximum",       "minLength",    "maxLength",   "pattern",
      "anyOf",    "minProperties", "maxProperties"};
  int seen = 0;
  walk_both([&](const Json& schema, const std::string& path, bool) {
    CAPTURE(path);
    for (const auto& member : schema.members()) {
      const std::string& keyword = member.first;
      CAPTURE(keyword);
      CHECK(allowed.count(keyword) == 1);
      ++seen;
    }
    // RapidJSON 1.1 would reject valid documents.
    CHECK_FALSE((schema.has("patternProperties") && schema.has("additionalProperties")));
  });
  CHECK(seen > 300);
}

TEST_CASE("everything that editors show has a description") {
  walk_both([](const Json& schema, const std::string& path, bool property) {
    CAPTURE(path);
    const bool app = path.compare(0, 3, "app") == 0;
    const Json resolved =
        resolve_reference(schema, app ? app_schema().source() : platform_schema().source());
    if (property) CHECK_FALSE(resolved["description"].as_string().empty());
  });
}

TEST_CASE("at most one branch of an anyOf takes a value") {
  walk_both([](const Json& schema, const std::string& path, bool) {
    CAPTURE(path);
    std::set<std::string> types;
    for (const Json& branch : schema["anyOf"].items()) {
      const Json resolved = resolve_reference(branch, app_schema().source());
      REQUIRE(resolved["type"].is_string());
      CHECK(types.insert(resolved["type"].as_string()).second);
    }
  });
}

TEST_CASE("RapidJSON's own validator gives the same verdicts") {
  const RapidValidator app(app_schema());
  const RapidValidator platform(platform_schema());
  int accepted = 0;
  int refused = 0;
  const std::filesystem::path folder = FAIRLEAD_SOURCE_DIR "/tests/golden/manifests";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".errors") continue;
    const bool is_platform = name.compare(0, 8, "fairlead") == 0;
    for (const Document& document : parse_file(name, read(entry.path())).documents) {
      CAPTURE(name);
      CAPTURE(document.value.dump());
      Findings findings(document);
      (is_platform ? platform_schema() : app_schema()).check(document, findings);
      const bool theirs = (is_platform ? platform : app).accepts(document.value);
      CHECK(findings.empty() == theirs);
      ++(theirs ? accepted : refused);
    }
  }
  CHECK(accepted >= 8);
  CHECK(refused >= 8);
}

TEST_CASE("every kind of finding is said in words, all at once, in order") {
  const Schema schema(R"({
    "type": "object", "required": ["must"], "additionalProperties": false, "maxProperties": 9,
    "properties": {
      "must": {"type": "string"},
      "word": {"type": "string", "enum": ["left", "right"]},
      "only": {"type": "string", "enum": ["this"]},
      "count": {"type": "integer", "minimum": 1, "maximum": 9},
      "low": {"type": "number", "minimum": 0.5},
      "high": {"type": "integer", "maximum": 9},
      "name": {"type": "string", "pattern": "^[a-z]+$", "title": "lower-case letters"},
      "short": {"type": "string", "maxLength": 3},
      "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "boolean"}},
      "map": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
    }})");
  CHECK(checked(schema,
                "must: 5\nword: lft\nonly: that\ncount: 10\nlow: 0.25\nhigh: 10\nname: A\n"
                "short: abcd\nlist: [1, true, x]\n") ==
        "a.yml:1:1: must: must be text, got 5: put it in quotes\n"
        "a.yml:2:1: word: must be one of left or right, got \"lft\": did you mean \"left\"?\n"
        "a.yml:3:1: only: must be this, got \"that\"\n"
        "a.yml:4:1: count: must be 1..9, got 10\n"
        "a.yml:5:1: low: must be at least 0.5, got 0.25\n"
        "a.yml:6:1: high: must be at most 9, got 10\n"
        "a.yml:7:1: name: must be lower-case letters, got \"A\"\n"
        "a.yml:8:1: short: must have at most 3 characters, got 4\n"
        "a.yml:9:1: list: must have at most 2 items, got 3\n"
        "a.yml:9:8: list[0]: must be true or false, got 1\n"
        "a.yml:9:17: list[2]: must be true or false, got \"x\"\n");
  CHECK(checked(schema, "list: []\nmap: {a: 1.5, b: x, c: [], d: null}\nwrd: left\nquux: 1\n") ==
        "a.yml:1:1: list: must be a list, got an empty list\n"
        "a.yml:1:1: must: is missing\n"
        "a.yml:2:7: map.a: must be text or a whole number, got 1.5: put it in quotes\n"
        "a.yml:2:21: map.c: must be text or a whole number, got a list\n"
        "a.yml:2:28: map.d: must be text or a whole number, got nothing: give it a value or leave "
        "the key out\n"
        "a.yml:3:1: wrd: unknown key, did you mean \"word\"?\n"
        "a.yml:4:1: quux: unknown key; known are must, word, only, count, low, high, name, short, "
        "list or map\n");
  CHECK(checked(schema, "text") == "a.yml:1:1: must be a map, got text\n");
}

TEST_CASE("long values are cut and stay on one line") {
  const Schema schema(R"({"type": "array", "items": {"type": "string", "enum": ["a"]}})");
  CHECK(checked(schema, "[\"x\\ny\\tz\"]") == "a.yml:1:2: [0]: must be a, got \"x\\ny\\tz\"\n");
  // 59 letters and one of two bytes: the cut would go through it.
  CHECK(checked(schema, "[" + std::string(59, 'x') + "üü]") ==
        "a.yml:1:2: [0]: must be a, got \"" + std::string(59, 'x') + "…\"\n");
}

TEST_CASE("a hundred findings are enough") {
  const Schema schema(R"({"type": "array", "items": {"type": "string"}})");
  std::string list = "[";
  for (int i = 0; i < 500; ++i) list += "1,";
  const std::string errors = checked(schema, list + "1]");
  CHECK(std::count(errors.begin(), errors.end(), '\n') == 100);
}

TEST_CASE("the nearest word is a near miss or what Compose calls it, never a guess") {
  const std::vector<std::string> known{"env", "expose", "health", "hosts", "needs", "restart"};
  CHECK(nearest_word("exposee", known) == "expose");
  CHECK(nearest_word("epxose", known) == "expose");
  CHECK(nearest_word("ENV", known) == std::nullopt);
  CHECK(nearest_word("en", known) == "env");
  CHECK(nearest_word("healthcheck", known) == "health");
  CHECK(nearest_word("ports", known) == "expose");
  CHECK(nearest_word("image", known) == std::nullopt);
  CHECK(nearest_word("x", known) == std::nullopt);
  CHECK(nearest_word("", known) == std::nullopt);
  CHECK(nearest_word(std::string(1000, 'x'), known) == std::nullopt);
}
