const { getDefaultConfig } = require('expo/metro-config');

const config = getDefaultConfig(__dirname);
// Inter for the web is a woff2 file of @fontsource-variable/inter; Metro does not know the ending.
config.resolver.assetExts.push('woff2');

module.exports = config;
