#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reconciler/document.h"
#include "reconciler/json.h"

// Checks a Document against a JSON Schema (draft-04, the subset that RapidJSON 1.1 implements) and
// reports everything that is wrong in it, in words for people: RapidJSON's own validator reports
// the first error only and in no words. A schema is read once and never changes, so that any thread
// may check against it. `title` says what a value must be ("a duration such as 90s"). Errors here
// are findings about the document; a schema that is itself wrong is a programmer error.
namespace fairlead {

// What is wrong in one document. Owned by who checks it; at most one finding for a path, and no
// more than a hundred.
class Findings {
 public:
  explicit Findings(const Document& document) : document_(document) {}

  void add(const std::string& path, std::string message);
  bool has(const std::string& path) const { return found_.count(path) != 0; }
  bool empty() const { return found_.empty(); }
  // "blog.yml:7:3: expose[0].port: must be 1..65535, got 70000", in the order of their places.
  std::vector<Error> errors() const;

 private:
  const Document& document_;
  std::map<std::string, std::string> found_;  // path → message
};

class Schema {
 public:
  // `text` must be a schema that uses the supported keywords only.
  explicit Schema(std::string_view text);
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  void check(const Document& document, Findings& findings) const;
  const Json& source() const { return source_; }

  struct Node;  // one subschema, ready for use

 private:
  Json source_;
  std::unique_ptr<const Node> root_;
};

// The embedded schemas/app.schema.json and schemas/platform.schema.json.
const Schema& app_schema();
const Schema& platform_schema();

// The subschema itself, or what its `$ref` names with the other members of `schema` laid over it.
Json resolve_reference(const Json& schema, const Json& root);

// The word of `known` that `word` was probably meant to be, or nothing.
std::optional<std::string> nearest_word(const std::string& word,
                                        const std::vector<std::string>& known);

// The text of a scalar as it is written in the file, for messages and for env values.
std::string spelled(const Document& document, const std::string& path, const Json& value);

// "a", "a or b", "a, b or c".
std::string either(const std::vector<std::string>& words);

}  // namespace fairlead
