#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Which manifests the images of the apps carry, as far as they were read. For each app it knows the
// references that the app wanted last and the id that each stood for; what was read is shared by
// all apps whose images have that id. Owned by the Reconciler, used from its thread; does no I/O.
// Invariant: what is known of an id never changes, since an id is a digest of the image.
namespace fairlead {

// What an image holds as its manifest.
struct ImageContent {
  std::string place;  // one of image_manifest_paths, or "label …"; empty: it carries none
  std::string text;
  std::string error;  // why it cannot be read, for ever; empty: it was read
};

// What was seen of an image that an app wants.
struct ImageLook {
  std::string image;                    // the reference
  std::string id;                       // "sha256:…"
  std::optional<ImageContent> content;  // absent: not read
};

class ImageManifests {
 public:
  // What an earlier process has saved; before the app is wanted. Anything unreadable is as nothing.
  void restore(const std::string& app, std::string_view text);
  // The app is to run this image: it is kept over those before it. Where another app has it, it is
  // taken for the same until it is looked at.
  void want(const std::string& app, const std::string& image);
  void forget(const std::string& app);

  // Null: it is to be read.
  const ImageContent* of(const std::string& app, const std::string& image) const;
  // Of the app's latest image, which may not be the one that it wants; null: none was ever known.
  const ImageContent* latest(const std::string& app) const;
  bool knows(const std::string& id) const;

  // Whether it changes what of() says of the app's image: it was read, or its reference stands for
  // another id now.
  bool take(const std::string& app, const ImageLook& look);

  std::string encode(const std::string& app) const;  // empty: nothing worth keeping

 private:
  using Shared = std::shared_ptr<const ImageContent>;
  struct Known {
    std::string image;
    std::string id;  // empty: of what it stood for before; to be read again
    Shared content;
  };

  const Known* find(const std::string& app, const std::string& image) const;
  void put_first(const std::string& app, Known known);
  Shared shared(const std::string& id, const ImageContent& content);

  std::map<std::string, std::vector<Known>> apps_;  // by app, the image wanted last first
  std::map<std::string, std::weak_ptr<const ImageContent>> by_id_;  // expired: no app's any more
};

}  // namespace fairlead
