#pragma once

#include <string>

// The part of the manifest folder that stands and falls by itself: one of its first-level folders,
// or the files that lie in it directly. Limits of reading, broken files and what they hold up are
// counted by it, so that whoever writes one of them stops nobody else's apps.
namespace fairlead {

// Of a manifest's path relative to the manifest folder: "team-a/deep/blog.yml" → "team-a"; empty:
// the folder itself.
inline std::string first_level(const std::string& path) {
  const std::size_t slash = path.find('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}

// Whether a file of this name is read as a manifest.
inline bool is_manifest_name(const std::string& name) {
  return (name.ends_with(".yml") && name.size() > 4) ||
         (name.ends_with(".yaml") && name.size() > 5) ||
         (name.ends_with(".json") && name.size() > 5);
}

// Stands in a reading for all files that lie in the manifest folder directly, as "team-a" does for
// all of that folder.
inline constexpr char top_level[] = ".";

}  // namespace fairlead
