const common = { rootDir: __dirname, transform: {} }

module.exports = {
  testTimeout: 15000,
  projects: [
    { ...common, displayName: 'unit', testEnvironment: 'node', testMatch: ['<rootDir>/tests/unit/**/*.test.js'] },
    {
      ...common,
      displayName: 'components',
      testEnvironment: 'jsdom',
      testMatch: ['<rootDir>/tests/components/**/*.test.js'],
    },
    {
      ...common,
      displayName: 'end_to_end',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/tests/end_to_end/**/*.test.js'],
    },
  ],
}
