#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconciler/image_manifest.h"
#include "reconciler/json.h"

// What `fairlead adopt IMAGE` prints: the manifest to drop into the folder for an image that is new
// to it, with all that the image tells of itself as comments. Everything that comes out of an image
// is foreign text and is written so that it can end no comment. Pure.
namespace fairlead {

// What an image's configuration tells.
struct ImageFacts {
  std::string id;                    // "sha256:…"
  std::vector<std::string> ports;    // EXPOSE: "80/tcp"
  std::vector<std::string> volumes;  // VOLUME: "/var/lib/data"
  std::string health;                // HEALTHCHECK: its command as one line; empty: none
  std::string user;                  // USER; empty: root
  std::string manifest;              // the label fairlead.manifest; empty: none
};

// Of the answer to `GET /images/NAME/json`. What is not there is empty.
ImageFacts image_facts(const Json& inspect);

// A name for the app: the last part of the reference, made to fit the grammar.
std::string name_of_image(const std::string& image);

// The text of the manifest. `source` is the one that the image carries, if it carries one.
std::string adoption(const std::string& image, const ImageFacts& facts,
                     const std::optional<ImageText>& source);

}  // namespace fairlead
