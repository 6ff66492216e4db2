#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reconciler/result.h"

// Which files of the manifest folder are no manifests, by their paths: what the folder's own
// `.fairleadignore` says, and names that belong to other tools. A value without I/O; made anew for
// each reading. A file that is ignored is as if it were not there.
namespace fairlead {

// Directly in the manifest folder; the one name with a leading dot that is read.
inline constexpr char ignore_file[] = ".fairleadignore";

class IgnoreList {
 public:
  IgnoreList() = default;
  // One pattern a line, blank lines and those that begin with # apart. `*` and `?` stand for
  // characters of one name, `**` for any. A pattern without a slash is for a name at any depth, one
  // with a slash for a path from the folder on, or, behind `**/`, from any folder on; one that ends
  // with a slash is for folders alone. A folder is ignored with all that is in it. What is not
  // understood (`!`, `[`, `\`) is an error.
  static IgnoreList parse(const std::string& text);
  // One more pattern, said at `where`. Errors: invalid, what is not understood.
  Result<void> add(const std::string& pattern, const std::string& where);

  // "docs/ (.fairleadignore:3)", or empty: it is not ignored.
  std::string match(std::string_view path) const;
  const std::vector<Error>& errors() const { return errors_; }

 private:
  struct Pattern {
    std::string text;  // without the slash at either end
    bool anchored = false;
    bool folders = false;
    std::string where;
  };
  static bool matches(const Pattern& pattern, std::string_view path);

  std::vector<Pattern> patterns_;
  std::vector<Error> errors_;
};

// Whether the file has a name that some other tool knows: "team/renovate.json", "compose.yml".
bool is_well_known(std::string_view path);

}  // namespace fairlead
