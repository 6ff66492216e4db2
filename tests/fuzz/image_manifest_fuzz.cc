#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "reconciler/adopt.h"
#include "reconciler/app.h"
#include "reconciler/image_manifest.h"

// A libFuzzer target for what a foreign image may hold: the same bytes as the answer that brings
// its file system, and as the manifest in it, alone and under a folder's. Besides crashes it looks
// for an app that does not have the folder's name and image, and for text that ends a comment.
namespace {

using namespace fairlead;

const Document& folder() {
  static const Document document =
      parse_file(
          "blog.yml",
          "{name: blog, image: 'acme/blog:1', env: {A: 1.50}, needs: [{storage: {path: /f}}], "
          "health: {http: /up, port: 80}, secrets: {K: {file: k, as: env}}}\n")
          .documents.at(0);
  return document;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at(const ImageText& source) {
  const ImageManifest manifest = parse_image_manifest(source);
  const ParsedManifest adopted =
      parse_manifest("adopted.yml", adoption(source.image, ImageFacts(), source));
  require(adopted.errors.empty() && adopted.apps.size() == 1);
  require(adopted.apps[0].app->document->value.members().size() == 2);
  if (!manifest.errors.empty()) return;
  const Document both = merged(folder(), manifest.document);
  const ParsedApp parsed = parse_app(both);
  origins(both);
  require(parsed.name == "blog");
  if (!parsed.app) return;
  require(parsed.app->image == "acme/blog:1" && parsed.app->env.at("A") == "1.50");
  require(parsed.app->mounts.empty() && parsed.app->after.empty() && !parsed.app->suspend);
  require(parsed.app->reclaim == Reclaim::retain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto found = manifest_in_archive(text);
  if (found) look_at({"acme/blog:1", "/cloud_manifest.yml", *found});
  look_at({"acme/blog:1", "label fairlead.manifest", std::string(text)});
  return 0;
}
