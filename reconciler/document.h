#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/json.h"
#include "reconciler/result.h"

// A parsed YAML (or JSON) document whose every value knows its file, line and column.
namespace fairlead {

// Where a value stands; line and column count from 1, 0 means unknown.
struct Mark {
  std::string file;
  int line = 0;
  int column = 0;

  std::string text() const;  // "blog.yml:7:3", "blog.yml:7", or "blog.yml"
  bool operator==(const Mark&) const = default;
};

// Limits while parsing; what goes beyond is refused before it is built.
struct ParseLimits {
  std::size_t bytes_max = 1u << 20;
  int depth_max = 32;
  int nodes_max = 50'000;
};

// One document of a file: plain JSON values and, beside them, the mark of each. Immutable once
// parsed. `marks` maps the path of a value ("", "expose", "expose[0].port", "env.APP_ENV") to its
// mark. For a member of an object it is the mark of its key (yaml-cpp gives an empty value the mark
// of the next line).
struct Document {
  Json value;
  std::map<std::string, Mark> marks;
  // Path of a plain number or boolean → as it is written, where that is not how Json writes it
  // ("1.50", "0x1f", "True").
  std::map<std::string, std::string> spellings;
  Mark start;

  // The mark of the value at `path`, else of its nearest ancestor that has one.
  const Mark& where(std::string_view path) const;
};

// A document that must not be used, as far as it was read: for its name, and for its other errors.
struct BrokenDocument {
  Document read;
  bool whole = false;  // only single values or keys of it were refused, and left out
};

struct ParsedFile {
  std::vector<Document> documents;     // those that parsed
  std::vector<BrokenDocument> broken;  // the others
  std::vector<Error> errors;           // each with its place in `where`; empty when all is well
};

// Parses all documents of a file; JSON is read as the YAML it is. Refused with line and column:
// duplicate keys, anchors, aliases, tags, `<<`, keys that are no strings, bytes that are not UTF-8,
// a NUL byte, and what exceeds the limits. Plain scalars follow the YAML 1.2 core schema (true,
// null, 12, 0x1f, 1.5); quoted ones are strings. An empty document (nothing but comments) is left
// out. Never throws.
ParsedFile parse_file(const std::string& file, std::string_view text,
                      const ParseLimits& limits = {});

}  // namespace fairlead
