#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/document.h"
#include "reconciler/result.h"

// The manifest that an image carries, as the file /cloud_manifest.yml at its root or as a label,
// and how the folder's manifest is laid over it. Whoever builds an image says how the program in it
// is to be run; what reaches the host, other apps or people's data is the folder's alone to say,
// since an image changes without anybody looking. Every value keeps its mark, whose file is then
// "acme/blog:1:/cloud_manifest.yml", so that errors and causes name where a field came from. Pure.
namespace fairlead {

inline constexpr std::array<std::string_view, 3> image_manifest_paths = {
    "/cloud_manifest.yml", "/cloud_manifest.yaml", "/cloud_manifest.json"};
inline constexpr char image_manifest_label[] = "fairlead.manifest";
inline constexpr std::size_t image_manifest_bytes_max = 1u << 20;
// Each of them gets the limits of a container; more are the folder's to say.
inline constexpr std::size_t image_processes_max = 8;
// An answer with the largest of them, with what a tar puts around it; a longer one holds more.
inline constexpr std::size_t image_archive_bytes_max = image_manifest_bytes_max + (128u << 10);

// The text in what an engine answers for `GET /containers/ID/archive?path=PATH`, with one of the
// paths above. Errors: invalid, for anything but one regular file of that name.
Result<std::string> manifest_in_archive(std::string_view tar,
                                        std::string_view path = image_manifest_paths[0]);

// A manifest in an image before it is parsed.
struct ImageText {
  std::string image;  // the reference, "acme/blog:1"
  std::string place;  // one of the paths above, or "label fairlead.manifest"
  std::string text;

  std::string file() const { return image + ":" + place; }  // of its marks
};

struct ImageManifest {
  Document document;           // a map; without what an image may not say
  std::vector<Error> errors;   // why it cannot be used; empty: it can
  std::vector<Error> ignored;  // what it said and may not: for people, it was left out
};

// The limits are those of manifests. Whether the fields are right is left to parse_app() of the
// merged document: the folder may have overridden what is wrong.
ImageManifest parse_image_manifest(const ImageText& source);

// Why an image may not say the field of this path, "" where it may. An index is written as [], and
// the name of a secret, a process or a need as *: "expose[].publish", "secrets.*.file".
std::string refused_of_images(std::string_view path);

// The folder's manifest laid over the image's. A field that only one of them says is that one's;
// maps are merged key by key, at every depth; lists are the folder's whole, but `needs` are joined
// by their word, each with its settings merged. Where two fields exclude one another (a health
// check by http and one by command, a variable and a secret of its name) the folder's stays; a
// secret is taken whole, from the folder if it says it. `name` and `image` are the folder's alone.
Document merged(const Document& folder, const Document& image);

// Where a field came from, "acme/blog:1:/cloud_manifest.yml:2" or "blog.yml:2".
struct Origin {
  std::string field;  // "expose", "env.APP_ENV", "needs.storage"
  std::string where;
  bool operator==(const Origin&) const = default;
};

// Of every field at the top level, and of the members of those that are maps, in their order.
std::vector<Origin> origins(const Document& document);

}  // namespace fairlead
