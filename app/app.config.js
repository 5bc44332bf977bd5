// What differs between builds: passkeys of a phone app work for the server it was built for only,
// and iOS wants that host named in the app. EXPO_PUBLIC_OPTIX_URL says which.
module.exports = ({ config }) => {
  const server = process.env.EXPO_PUBLIC_OPTIX_URL;
  if (!server) return config;
  const { hostname } = new URL(server);
  return {
    ...config,
    ios: { ...config.ios, associatedDomains: [`webcredentials:${hostname}`] },
  };
};
