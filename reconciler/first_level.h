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

// Stands in a reading for all files that lie in the manifest folder directly, as "team-a" does for
// all of that folder.
inline constexpr char top_level[] = ".";

}  // namespace fairlead
